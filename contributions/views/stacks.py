"""Stacks: what people carry together on a release. Those of one's organisations are theirs alone unless public."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import render
from django.views.decorators.http import require_safe

from contributions.errors import Missing
from contributions.models import Assembly, Stack

from .paging import page

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


def find(request: HttpRequest, number: int) -> Stack:
    """The stack, if this person may see it; raises Missing."""
    rows = Stack.objects.visible_to(request.user).select_related("component", "release", "organisation", "author")
    found = rows.filter(pk=number).first()
    if found is None:
        raise Missing("There is no stack of that number, or it is not public.")
    return found


@require_safe
def stacks(request: HttpRequest) -> HttpResponse:
    rows = Stack.objects.visible_to(request.user).select_related("component", "release", "organisation", "author")
    return render(request, "stacks.html", {"page": page(request, rows, ("-pk",))})


@require_safe
def stack(request: HttpRequest, number: int) -> HttpResponse:
    shown = find(request, number)
    return render(request, "stack/stack.html", {"stack": shown})


@require_safe
def assembly(request: HttpRequest, number: int, serial: int) -> HttpResponse:
    shown = find(request, number)
    found = Assembly.objects.known_to(request.user).filter(stack=shown, number=serial).first()
    if found is None:
        raise Missing("This stack was not assembled that often, or holds something now that you may not see.")
    return render(request, "stack/assembly.html", {"stack": shown, "assembly": found})
