"""What changed from one revision to another: commit by commit, and in the files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from contributions.actions import comparing
from contributions.errors import Invalid, Missing
from contributions.keeping import kept
from contributions.markup import reveal_code
from contributions.models import Comparison, Revision, untouched_paths
from contributions.models.carrying import carry

from .changes import Asked
from .contribution import AT_WORK, find, framed
from .entering import person_of, verb
from .numbers import natural
from .showing import LISTED, Manner, shown_files
from .texts import change_of_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest, HttpResponse
    from django.utils.safestring import SafeString

    from contributions.models import Contribution, Settlement

MOST_PATHS = 12  # that are named in a sentence


@require_safe
@kept
def choose(request: HttpRequest, number: int) -> HttpResponse:
    """To the comparison of the two that the form names; of the current revision with the one before, unless it does."""
    contribution = find(request, number)
    own = _received(contribution).own()
    received = list(own.values_list("number", flat=True)[:2])
    newer = natural(request, "newer") or (received[0] if received else 0)
    ported = _received(contribution).filter(number=newer).values_list("ports__number", flat=True).first()
    earlier = ported or own.filter(number__lt=newer).values_list("number", flat=True).first()
    older = natural(request, "older") or earlier
    if not older or older == newer:
        context = {"revisions": _received(contribution), "alone": len(received) < 2, "newer": newer}  # noqa: PLR2004 - a pair
        return render(request, "contribution/compare.html", framed(request, contribution, "changes", **context))
    return redirect("contribution-comparison", number=number, older=min(older, newer), newer=max(older, newer))


@require_safe
@kept
def comparison(request: HttpRequest, number: int, older: int, newer: int) -> HttpResponse:
    contribution = find(request, number)
    if older >= newer:
        raise Invalid("Name the older revision first, then the newer one.")
    asked = Asked.of(request)
    first, second = (_revision(contribution, wanted) for wanted in (older, newer))
    row = Comparison.objects.select_related("diff").filter(older=first, newer=second).first()
    context: dict[str, Any] = {
        "revisions": _received(contribution),
        "older": first,
        "newer": second,
        "carry": carry(first, second),
        "untouched": len(untouched_paths(first, second)),
        "row": row,
        "comparing": row is not None and row.state in AT_WORK,
        **_shown(asked, contribution, first, second, row),
    }
    if asked.part and "files" in context:
        return render(request, "contribution/_files.html", context)
    return render(request, "contribution/compare.html", framed(request, contribution, "changes", **context))


@verb("contribution-comparison")
def make(request: HttpRequest, number: int, older: int, newer: int) -> HttpResponse:
    contribution = find(request, number)
    comparing.compare(person=person_of(request), contribution=contribution, older=older, newer=newer)
    return redirect("contribution-comparison", number=number, older=older, newer=newer)


def _received(contribution: Contribution) -> Any:
    rows = contribution.revisions.filter(state=Revision.State.RECEIVED).order_by("-number")
    return rows.only("number", "contribution_id")


def _revision(contribution: Contribution, number: int) -> Revision:
    rows = contribution.revisions.filter(state=Revision.State.RECEIVED).select_related("raw")
    found: Revision | None = rows.filter(number=number).first()
    if found is None:
        raise Missing("This contribution has no revision of that number.")
    return found


def _shown(
    asked: Asked, contribution: Contribution, older: Revision, newer: Revision, row: Comparison | None
) -> dict[str, Any]:
    if not contribution.has_patch:
        return _shown_without_git(older, newer)
    if row is None or row.state != Comparison.State.DONE:
        return {}
    commits = [_commit(known, older, newer) for known in row.commits]
    shown = {"commits": commits, "conflicts": [reveal_code(path) for path in row.conflicts]}
    return shown | files_compared(
        asked, row, f"{reverse('contribution-comparison', args=_numbers(older, newer))}?files"
    )


def _numbers(older: Revision, newer: Revision) -> list[int]:
    return [newer.contribution_id, older.number, newer.number]


def files_compared(asked: Asked, row: Comparison | Settlement, address: str) -> dict[str, Any]:
    """The files of what was compared; `address` is the page's, with a query."""
    manner = Manner(address, asked.view, asked.space)
    files = shown_files(row.diff, row.files, manner, only=asked.only, start=asked.start) if row.diff else []
    beyond = asked.start + LISTED
    more = manner.link(**{"from": beyond}) if asked.only is None and beyond < len(row.files) else ""
    return {"files": files, "view": asked.view, "only": asked.only, "more_files": more, "all_files": manner.link()}


def _commit(known: dict[str, Any], older: Revision, newer: Revision) -> dict[str, Any]:
    """A row of the table, with what changed in the message if anything did."""
    shown = {name: reveal_code(str(known[name])) for name in ("word", "old", "new", "subject")}
    return shown | {"message": _message_change(known, older, newer) if known["is_reworded"] else ""}


def _message_change(known: dict[str, Any], older: Revision, newer: Revision) -> SafeString:
    texts = (_message(older.commits, known["old"]), _message(newer.commits, known["new"]))
    return change_of_text(*texts, name=f"m{known['new'][:12]}")


def _message(commits: Sequence[dict[str, Any]], sha: str) -> str:
    found = next((commit for commit in commits if commit["sha"] == sha), {"subject": "", "body": ""})
    return f"{found['subject']}\n\n{found['body']}".strip()


def _shown_without_git(older: Revision, newer: Revision) -> dict[str, Any]:
    """A note is compared as text; of a file it is told whether it is another one."""
    if older.source != Revision.Source.NOTE:
        return {"is_file": True}
    return {"is_note": True, "text_rows": change_of_text(_text(older), _text(newer), name="note")}


def _text(revision: Revision) -> str:
    return revision.text or (revision.raw.read().decode("utf-8", "replace") if revision.raw else "")
