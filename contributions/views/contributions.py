"""Finding contributions: the list, the search, and the queue of those that wait for a maintainer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.decorators import login_required
from django.shortcuts import render
from django.views.decorators.http import require_safe

from contributions.keeping import kept
from contributions.models import Component, Contribution

from .entering import person_of
from .listing import Filters, contribution_page

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@require_safe
@kept
def contributions(request: HttpRequest) -> HttpResponse:
    """The list and the search are one page; its filters stand in its address."""
    filters = Filters(request)
    found = filters.applied(Contribution.objects.visible_to(request.user))
    context = {
        "filters": filters,
        "page": contribution_page(request, found, filters.keys),
        "components": Component.objects.values("slug", "name"),
        "kinds": Contribution.Kind.choices,
        "states": Contribution.State.choices,
        "orders": tuple(Contribution.ORDERS),
    }
    return render(request, "contributions.html", context)


@login_required
@require_safe
def review_queue(request: HttpRequest) -> HttpResponse:
    person = person_of(request)
    waiting = Contribution.objects.visible_to(person).needing_review_by(person)
    context = {
        "page": contribution_page(request, waiting, Contribution.ORDERS["best"]),
        "maintained": person.maintained_components.all(),
    }
    return render(request, "review_queue.html", context)
