"""Finding contributions: the list, the search, and the queue of those that wait for a maintainer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.decorators import login_required
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from contributions.asking import KEYS, LONGEST, MOST_TERMS, filter_text
from contributions.errors import Invalid
from contributions.keeping import kept
from contributions.models import Component, Contribution
from contributions.models.filters import BEING, HAVING
from contributions.models.finding import ORDERS, RANKED

from .asked import Asked, is_there, number_meant
from .carried import changed_since_approval
from .entering import person_of
from .listing import contribution_page, search_page
from .paging import Page

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

FINDS = {
    "component": "what is for that component",
    "release": "what was judged on a release, or made for it; the best are then the best there",
    "kind": "refinements, improvements, executables or experiences",
    "state": "open, changes-requested, approved, rejected or withdrawn",
    "author": "what somebody shared; author:me is yours",
    "org": "what was shared for an organisation",
    "file": "what changes a file: its path, the begin or the end of it; * stands for a part of a name, ** for folders",
    "touches": "what changes a line of a file as the release has it, or lines such as :1200-1250",
    "fits": "what applies to a release, by itself or with a merge",
    "conflicts": "what conflicts with a release",
    "upstream": "what a release has already",
    "builds": "what passed its build on a release",
    "needs": "what does not fit a supported release as it is, and has no port to it",
    "has": "what somebody reported on; see below for the rest",
    "is": "open work that nobody has approved; see below for the rest",
    "like": "what others report on from places like those that your organisation runs",
    "tag": "what has that tag",
    "since": "what was shared on that day or later; since:7d are the last seven days, and w, m, y are longer",
    "before": "what was shared before a day, or longer ago",
}
FEW = 3  # with fewer results a better spelling is looked for


@require_safe
@kept
def contributions(request: HttpRequest) -> HttpResponse:
    """The list and the search are one page; its filters stand in its address."""
    asked = Asked(request)
    number = number_meant(asked)
    if number is not None and is_there(number, request):
        return redirect("contribution", number)
    page = _found(request, asked)
    found_little = asked.search and asked.search.words and len(page.rows) < FEW and "page" not in request.GET
    context = {
        "asked": asked,
        "page": page,
        "respelled": asked.respelled() if found_little else None,
        "components": Component.objects.values("slug", "name"),
        "kinds": Contribution.Kind.choices,
        "states": Contribution.State.choices,
    }
    return render(request, "contributions.html", context, status=400 if asked.problem else 200)


def _found(request: HttpRequest, asked: Asked) -> Page:
    if asked.search is None:
        return Page([])
    try:
        with asked.search.in_time():
            return search_page(request, asked.search)
    except Invalid as problem:
        asked.problem = problem.sentence
        return Page([])


@require_safe
def search_help(request: HttpRequest) -> HttpResponse:
    context = {
        "filters": [(filter_text(key, example), FINDS[key]) for key, example in KEYS.items() if key in FINDS],
        "having": HAVING,
        "being": [*BEING, *Contribution.State.values],
        "orders": ORDERS,
        "ranked": RANKED,
        "longest": LONGEST,
        "most": MOST_TERMS,
    }
    return render(request, "search_help.html", context)


@login_required
@require_safe
def review_queue(request: HttpRequest) -> HttpResponse:
    person = person_of(request)
    waiting = Contribution.objects.visible_to(person).needing_review_by(person)
    shown = contribution_page(request, waiting, Contribution.ORDERS["best"])
    context = {
        "page": shown,
        "changed": changed_since_approval(person, shown.rows),
        "maintained": person.maintained_components.all(),
    }
    return render(request, "review_queue.html", context)
