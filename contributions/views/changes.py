"""The diff of a revision: a list of its files, the first ones open as far as a page bears it, the others on request."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from django.shortcuts import render
from django.views.decorators.http import require_safe

from contributions.errors import Invalid, Missing
from contributions.markup import reveal_code
from contributions.models import Revision
from contributions.patches import parse_diff

from .contribution import chosen_revision, find, framed
from .diffs import line_count, split, unified

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest, HttpResponse
    from django.utils.safestring import SafeString

    from contributions.models import Blob
    from contributions.patches import FileDiff, Hunk

VIEWS = {"unified": unified, "split": split}
OPEN_BYTES, OPEN_FILE_BYTES = 96_000, 48_000  # of diff that a page opens by itself, in all and of one file
LISTED = 300  # files on a page
MOST_LINES = 3000  # of one file at a time


@dataclass(frozen=True)
class ShownFile:
    index: int
    path: str
    old_path: str
    status: str
    added: int
    removed: int
    rows: SafeString | None = None
    note: str = ""
    further: int = 0

    @property
    def name(self) -> str:
        return f"{self.old_path} → {self.path}" if self.old_path and self.old_path != self.path else self.path


@require_safe
def changes(request: HttpRequest, number: int) -> HttpResponse:
    contribution = find(request, number)
    revision = chosen_revision(request, contribution)
    view = request.GET.get("view", "unified")
    if view not in VIEWS:
        raise Invalid("The view is unified or split.")
    only, start = _natural(request, "file"), _natural(request, "from") or 0
    received = contribution.revisions.filter(state=Revision.State.RECEIVED).order_by("-number")
    context: dict[str, Any] = {
        "revision": revision,
        "revisions": received.only("number", "contribution_id"),
        "view": view,
        "only": only,
        "listed": LISTED,
    }
    if revision is not None and revision.diff is not None:
        files = _listed(revision, only, start if only is None else 0)
        context["files"] = _opened(revision.diff, files, view, revision, None if only is None else start)
        context["commits"] = [_commit(commit) for commit in revision.commits]
        beyond = start + LISTED
        context["more_files"] = beyond if only is None and beyond < len(revision.files) else None
    return render(request, "contribution/changes.html", framed(request, contribution, "changes", **context))


def _listed(revision: Revision, only: int | None, start: int) -> list[ShownFile]:
    if only is not None and only >= len(revision.files):
        raise Missing("This revision has no file of that number.")
    indexes = range(start, min(start + LISTED, len(revision.files))) if only is None else [only]
    return [_file(index, revision.files[index]) for index in indexes]


def _file(index: int, known: dict[str, Any]) -> ShownFile:
    path, old_path = (reveal_code(str(known.get(name) or "")) for name in ("path", "old_path"))
    return ShownFile(index, path, old_path, str(known["status"]), int(known["added"]), int(known["removed"]))


def _opened(
    diff: Blob, files: Sequence[ShownFile], view: str, revision: Revision, start: int | None
) -> list[ShownFile]:
    """The files, with rows for those within the budget; one that was asked for is opened whatever its size."""
    budget, done = OPEN_BYTES, []
    with diff.open() as content:
        for file in files:
            first, last = (int(revision.files[file.index][name]) for name in ("start", "end"))
            size = last - first
            if start is None and (size > OPEN_FILE_BYTES or size > budget):
                done.append(replace(file, note="This diff is large."))
                continue
            budget -= size
            content.seek(first)
            done.append(_with_rows(file, content.read(size), view, start or 0))
    return done


def _with_rows(file: ShownFile, diff: bytes, view: str, start: int) -> ShownFile:
    try:
        parsed = parse_diff(diff)[0]
    except (Invalid, IndexError):
        return replace(file, note="This part of the diff cannot be shown; the patch file holds it.")
    if parsed.binary:
        return replace(file, note="A binary file: nothing to show.")
    hunks, further = _window(parsed, start)
    note = _mode_note(parsed) or ("" if parsed.hunks else "No line is changed.")
    return replace(file, rows=VIEWS[view](file.index, hunks, file.path), note=note, further=further)


def _mode_note(diff: FileDiff) -> str:
    if diff.old_mode and diff.new_mode and diff.old_mode != diff.new_mode:
        return f"The mode changes from {diff.old_mode} to {diff.new_mode}."
    return f"New with mode {diff.new_mode}." if diff.new_mode not in {"", "100644"} and not diff.old_mode else ""


def _window(diff: FileDiff, start: int) -> tuple[list[Hunk], int]:
    """The hunks from number `start`, as many as a page bears, and the number of the next one or 0.

    One hunk that is too long by itself is cut: what lies beyond is in the patch file.
    """
    if line_count(diff) <= MOST_LINES:
        return list(diff.hunks), 0
    chosen: list[Hunk] = []
    lines = 0
    for at, hunk in enumerate(diff.hunks[start:], start):
        lines += hunk.old_count + hunk.added
        if chosen and lines > MOST_LINES:
            return chosen, at
        chosen.append(_cut(hunk))
    return chosen, 0


def _cut(hunk: Hunk) -> Hunk:
    if hunk.old_count + hunk.added <= MOST_LINES:
        return hunk
    raw = b"\n".join(hunk.raw.split(b"\n", MOST_LINES)[:MOST_LINES])
    return replace(hunk, raw=raw, heading=f"{hunk.heading} (its first {MOST_LINES:,} lines)")


def _commit(known: dict[str, Any]) -> dict[str, str]:
    return {
        name: reveal_code(str(known.get(name) or "")) for name in ("sha", "subject", "body", "author", "authored_at")
    }


def _natural(request: HttpRequest, name: str) -> int | None:
    word = request.GET.get(name, "")
    if not word:
        return None
    if not (word.isascii() and word.isdigit() and len(word) < 9):  # noqa: PLR2004 - no diff has more
        raise Invalid(f"{name} is a number from 0.")
    return int(word)
