"""What an organisation's members look at: what they run and shared, what was recalled of it, what waits for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from contributions.errors import Missing, NotAllowed
from contributions.models import Environment
from contributions.models.dashboard import ORDERS, Dashboard

from .entering import person_of
from .organisations import organisation_called
from .paging import Page, page

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

MOST = 10  # rows of each list while all of them are shown
# Of each list its heading, and what it says when it is empty.
WAITING = {
    "offers": ("Offered to you", ""),
    "changes": ("Changes requested of ours", ""),
    "questions": ("Questions to us", ""),
    "review": ("To review", ""),
    "asked": ("Reports that are asked about", ""),
}
HOLDINGS = {
    "recalled": (
        "Recalled",
        "Nothing that you run or fetched was withdrawn, put in quarantine or advised against.",
    ),
    "runs": (
        "What we run",
        "Nothing yet. Report on a contribution's evidence tab that it works for you, and see here what becomes of it.",
    ),
    "shared": (
        "What we shared",
        "Nothing yet. What you share while you speak for this organisation stands here.",
    ),
    "forks": (
        "Our forks",
        "None was taken apart yet. Give the address of yours, and see what upstream has of it and what only you carry.",
    ),
}
HEADINGS = WAITING | HOLDINGS


@login_required
@require_safe
def dashboard(request: HttpRequest, slug: str) -> HttpResponse:
    found = organisation_called(slug)
    person = person_of(request)
    if not found.memberships.filter(person=person).exists():
        raise NotAllowed("Only members see the dashboard of their organisation.")
    board, chosen = Dashboard(found, person), request.GET.get("show", "")
    context = {"organisation": found, "chosen": chosen}
    if chosen:
        return render(request, "dashboard.html", context | _one(request, board, chosen))
    context["environments"] = Environment.objects.filter(organisation=found).count()
    waiting = [found for found in _lists(board, WAITING) if found["rows"]]
    return render(request, "dashboard.html", context | {"waiting": waiting, "holdings": _lists(board, HOLDINGS)})


@login_required
@require_safe
def own_dashboard(request: HttpRequest) -> HttpResponse:
    """Lead on to that of the organisation that one speaks for."""
    ours = person_of(request).organisation
    if ours is None:
        messages.info(request, "You belong to no organisation yet. Found one, or ask an owner of yours to invite you.")
        return redirect("organisations")
    return redirect("organisation-dashboard", ours.slug)


def _one(request: HttpRequest, board: Dashboard, section: str) -> dict[str, Any]:
    """One list, in pages."""
    if section not in ORDERS:
        raise Missing("The dashboard has no such list.")
    found = page(request, board.rows(section), ORDERS[section])
    return {"page": found, "holdings": [_listed(section, found)]}


def _lists(board: Dashboard, sections: dict[str, tuple[str, str]]) -> list[dict[str, Any]]:
    return [_listed(name, _beginning(board, name)) for name in sections]


def _beginning(board: Dashboard, section: str) -> Page:
    """The first rows; `older` says that there are more, and where."""
    rows = list(board.rows(section)[: MOST + 1])
    return Page(rows[:MOST], older=f"?show={section}" if len(rows) > MOST else "")


def _listed(section: str, found: Page) -> dict[str, Any]:
    heading, empty = HEADINGS[section]
    return {
        "name": section,
        "heading": heading,
        "empty": empty,
        "rows": found.rows,
        "more": found.older,
        "template": f"dashboard/_{section}.html",
        "is_run": section == "runs",
    }
