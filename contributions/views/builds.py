"""Builds: the list, one build with its log, and the log itself, piece by piece while it is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from contributions.actions import rebuilding
from contributions.errors import Invalid, Missing
from contributions.models import Advisory, Build
from contributions.models.baseline import set_beside
from contributions.models.build import repetitions_of
from contributions.models.builder import builds_are_refused

from .ansi import PLAIN, Style, painted_lines
from .entering import person_of, verb
from .paging import page

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest

SHOWN = 256 * 1024  # bytes of a log that a page shows at once
REPORTED = 64 * 1024  # bytes of a report on differences that a page shows
POLLED = 64 * 1024  # bytes that one poll brings
WHOLE = ("assembly__asked", "assembly__order", "assembly__pairs")  # all that a stack is made of
MOST_LINES = 4000  # that a page shows or a poll brings, however short they are


@dataclass(frozen=True)
class Piece:
    """Some lines of a log, and what the next question needs to go on from there."""

    lines: list[tuple[int, str]]
    offset: int
    line: int
    mark: str


def _visible(request: HttpRequest) -> QuerySet[Build]:
    found: QuerySet[Build] = Build.objects.known_to(request.user)
    return found


def _find(request: HttpRequest, number: int) -> Build:
    rows = _visible(request).select_related(
        "release__component",
        "revision__contribution__author",
        "assembly__stack",
        "log",
        "difference",
        "attestation__key",
    )
    found: Build | None = (
        rows.defer("revision__files", "revision__commits", "revision__fingerprints").filter(pk=number).first()
    )
    if found is None:
        raise Missing("There is no build of that number.")
    return found


@require_safe
def builds(request: HttpRequest) -> HttpResponse:
    state = request.GET.get("state", "")
    if state and state not in Build.State.values:
        raise Invalid("The state is one of " + ", ".join(Build.State.values) + ".")
    rows = _visible(request).select_related("release__component", "revision__contribution", "assembly__stack")
    rows = rows.defer("revision__files", "revision__commits", "revision__fingerprints", "recipe", *WHOLE)
    rows = rows.prefetch_related(repetitions_of())
    found = page(request, rows.filter(state=state) if state else rows, ("-pk",))
    set_beside(found.rows)
    return render(request, "builds.html", {"page": found, "state": state, "states": Build.State.choices})


@require_safe
def build(request: HttpRequest, number: int) -> HttpResponse:
    shown = _find(request, number)
    left_out, piece = _tail(shown)
    set_beside([shown])
    context = {
        "build": shown,
        "contribution": shown.revision.contribution if shown.revision else None,
        "piece": piece,
        "left_out": left_out,
        "usual": None if shown.is_over else Build.objects.usual_seconds(shown.release),
        "refused": shown.state == Build.State.QUEUED and builds_are_refused(),
        "artifacts": shown.artifacts.select_related("blob"),
        "advisories": Advisory.objects.standing().filter(affected=shown.revision_id) if shown.revision_id else (),
        "repetitions": shown.repetitions.defer("recipe").order_by("pk"),
        "difference": _difference(shown),
        "may_repeat": shown.may_be_repeated and request.user.is_authenticated,
    }
    return render(request, "build.html", context)


def _difference(shown: Build) -> str:
    """The beginning of the report on what a repetition made otherwise."""
    if shown.difference is None:
        return ""
    with shown.difference.open() as report:
        return report.read(REPORTED).decode("utf-8", "replace")


def _tail(shown: Build) -> tuple[int, Piece]:
    """How many bytes are left out, and the end of a finished log, where the reasons stand, or a running one's start."""
    if shown.log is None:
        written = shown.read_log(0, SHOWN)
        few = _first_lines(written)
        return 0, _piece(few, 0, 1, PLAIN, ended=shown.is_over and few == written)
    start = max(shown.log.size - SHOWN, 0)
    with shown.log.open() as content:
        before, rest = content.read(start), content.read(SHOWN)
    if before:
        partial, _, rest = rest.partition(b"\n")
        before += partial + b"\n"
    early = rest.removesuffix(b"\n").rsplit(b"\n", MOST_LINES)
    if len(early) > MOST_LINES:
        before, rest = before + early[0] + b"\n", rest[len(early[0]) + 1 :]
    return len(before), _piece(rest, len(before), before.count(b"\n") + 1, PLAIN, ended=True)


def _first_lines(content: bytes) -> bytes:
    lines = content.split(b"\n", MOST_LINES)
    return content[: len(content) - len(lines[-1])] if len(lines) > MOST_LINES else content


def _piece(content: bytes, offset: int, line: int, style: Style, *, ended: bool) -> Piece:
    """The whole lines of `content`, and its last broken one only if no more will come or it alone fills the piece."""
    fills = len(content) >= POLLED and b"\n" not in content
    whole = content if ended or fills else content[: content.rfind(b"\n") + 1]
    if not whole:
        return Piece([], offset, line, style.mark)
    text = whole.decode("utf-8", "replace").removesuffix("\n")
    lines, style = painted_lines(text, style)
    return Piece(list(enumerate(lines, line)), offset + len(whole), line + len(lines), style.mark)


@verb("build")
def repeat(request: HttpRequest, number: int) -> HttpResponse:
    return redirect(rebuilding.repeat_build(person=person_of(request), build=_find(request, number)))


@require_safe
def build_log(request: HttpRequest, number: int) -> HttpResponse:
    """Without htmx the log's bytes from `offset`, as text; with it the next lines and, at the end, the verdict."""
    shown = _find(request, number)
    offset = _natural(request, "offset")
    if not request.headers.get("HX-Request"):
        response = HttpResponse(_text(shown, offset), content_type="text/plain; charset=utf-8")
        response["X-Log-Over"] = "yes" if shown.is_over else "no"
        return response
    if _natural(request, "attempt") != shown.attempts:
        return HttpResponse(headers={"HX-Refresh": "true"})
    written = shown.read_log(offset, POLLED)
    content = _first_lines(written)
    ended = shown.is_over and len(written) < POLLED and content == written
    style = Style.read(request.GET.get("mark", ""))
    piece = _piece(content, offset, max(_natural(request, "line"), 1), style, ended=ended)
    context = {"build": shown, "piece": piece, "ended": ended, "artifacts": shown.artifacts.select_related("blob")}
    return render(request, "build/_log_piece.html", context)


def _text(shown: Build, offset: int) -> bytes:
    found = b""
    while content := shown.read_log(offset + len(found)):
        found += content
    return found


def _natural(request: HttpRequest, name: str) -> int:
    word = request.GET.get(name, "") or "0"
    if not (word.isascii() and word.isdigit() and len(word) < 12):  # noqa: PLR2004 - no log is longer
        raise Invalid(f"{name} is a number from 0.")
    return int(word)
