"""The changes of a revision: its commits and its files, the first ones open as far as a page bears it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from contributions.errors import Invalid
from contributions.keeping import kept
from contributions.markup import reveal_code
from contributions.models import Revision

from .contribution import chosen_revision, find, framed
from .line_threads import RevisionNotes
from .showing import LISTED, VIEWS, Manner, shown_files

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@require_safe
@kept
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
    }
    if revision is not None and revision.diff is not None:
        address = f"{reverse('contribution-changes', args=[number])}?revision={revision.number}"
        notes = RevisionNotes(request, contribution, revision, address)
        manner = Manner(address, view, notes)
        context["files"] = shown_files(revision.diff, revision.files, manner, only=only, start=start)
        context["commits"] = [_commit(commit) for commit in revision.commits]
        context["lost"] = notes.lost
        beyond = start + LISTED
        context["more_files"] = beyond if only is None and beyond < len(revision.files) else None
    return render(request, "contribution/changes.html", framed(request, contribution, "changes", **context))


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
