"""One file: what it is by its bytes, what is inside, who made it, and what is known of the same bytes elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import render
from django.views.decorators.http import require_safe

from contributions.errors import Missing
from contributions.models import Artifact
from contributions.models.repute import words_against

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

MOST_LISTED = 200  # members that the page shows; REST tells more of them


@require_safe
def artifact(request: HttpRequest, number: int) -> HttpResponse:
    shown = _find(request, number)
    listed = shown.contents.get("listed", [])[:MOST_LISTED]
    contribution = shown.maker.contribution if shown.maker else None
    context = {
        "artifact": shown,
        "contribution": contribution,
        "listed": listed,
        "left_out": shown.contents.get("members", 0) - len(listed),
        "words": words_against(shown.blob, besides=contribution),
    }
    return render(request, "artifact.html", context)


def _find(request: HttpRequest, number: int) -> Artifact:
    rows = Artifact.objects.visible_to(request.user)
    found = rows.select_related("blob", "build__release__component", "build__revision__contribution")
    found = found.select_related("revision__contribution__organisation", "revision__contribution__author")
    one = found.filter(pk=number).first()
    if one is None:
        raise Missing("There is no file of that number.")
    return one
