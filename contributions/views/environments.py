"""What an organisation runs, for its members alone: by it they see which reports come from places like theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from contributions.actions import vocabulary
from contributions.errors import Missing, NotAllowed
from contributions.forms.evidence import EnvironmentForm
from contributions.models import Component, Environment, Organisation
from contributions.plaintext import clean

from .entering import person_of
from .organisations import organisation_called
from .paging import Page, page
from .refusals import carried_out, status_of_form

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def environment(request: HttpRequest, slug: str) -> HttpResponse:
    found = organisation_called(slug)
    if not found.memberships.filter(person=person_of(request)).exists():
        raise NotAllowed("Only members see what their organisation runs.")
    if request.method != "POST":
        return render(request, "environment.html", {"organisation": found, "page": _forms(request, found)})
    component = _component(request)
    form = EnvironmentForm(request.POST, component=component)
    person = person_of(request)
    made = carried_out(
        form,
        lambda: vocabulary.set_environment(person=person, organisation=found, component=component, traits=form.chosen),
    )
    if made is None:
        context = {"organisation": found, "page": Page([form])}
        return render(request, "environment.html", context, status=status_of_form(form))
    messages.success(request, f"Noted what you run {component.name} on.")
    return redirect("organisation-environment", slug)


def _component(request: HttpRequest) -> Component:
    found = Component.objects.filter(slug=clean(request.POST.get("component", ""))).first()
    if found is None:
        raise Missing("There is no such component.")
    return found


def _forms(request: HttpRequest, organisation: Organisation) -> Page:
    """A form for each component that has traits."""
    rows = Component.objects.filter(traits__isnull=False).distinct().prefetch_related("traits")
    found = page(request, rows, ("pk",))
    told: dict[int, Any] = dict(
        Environment.objects.filter(organisation=organisation).values_list("component", "traits")
    )
    found.rows[:] = [EnvironmentForm(component=row, traits=told.get(row.pk, {})) for row in found.rows]
    return found
