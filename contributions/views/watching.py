"""How a component's upstream is watched: shown to its maintainers and staff, with what patterns would make of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from contributions.accounts.freshness import sensitive
from contributions.actions.watching import look_ahead, set_watching
from contributions.errors import Missing, NotAllowed, Refusal
from contributions.forms.watching import WatchingForm
from contributions.models import Component
from contributions.models.watch import watched

from .entering import person_of
from .refusals import answer_form, carried_out

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from contributions.pipeline.foreseeing import Foresight

MOST_NAMED = 60  # of a kind; the others are counted


def _is_sent(request: HttpRequest) -> bool:
    return request.method == "POST" and _is_decided(request)


def _is_decided(request: HttpRequest) -> bool:
    return "preview" not in request.POST


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive(when=_is_decided)
def component_watching(request: HttpRequest, slug: str) -> HttpResponse:
    shown = Component.objects.filter(slug=slug).first()
    if shown is None:
        raise Missing("There is no such component.")
    if not shown.may_be_kept_by(request.user):
        raise NotAllowed("Only maintainers and staff keep a component.")
    form = WatchingForm(request.POST or None, component=shown)
    made = carried_out(form, lambda: _set(request, shown, form)) if _is_sent(request) else None
    if made is not None:
        messages.success(request, "It is watched so from now on. What is a release already stays one.")
        return redirect("component-watching", slug)
    foresight = _looked_ahead(request, shown, form)
    [watch] = watched([shown.pk])
    context = {
        "component": shown,
        "watch": watch,
        "fetch": shown.fetches.first(),
        "foresight": foresight,
        "most": MOST_NAMED,
    }
    response = answer_form(request, "component_watching.html", form, context)
    if form.is_bound and not form.errors:
        response.status_code = 200  # a preview: nothing was refused
    return response


def _set(request: HttpRequest, component: Component, form: WatchingForm) -> Component:
    seen = form.cleaned_data["seen"]
    return set_watching(person=person_of(request), component=component, watching=form.watching, seen=seen)


def _looked_ahead(request: HttpRequest, component: Component, form: WatchingForm) -> Foresight | None:
    """What the patterns that were typed, or else those that are set, make of upstream's names."""
    if form.is_bound and not form.is_valid():
        return None
    try:
        return look_ahead(person=person_of(request), component=component, **form.patterns)
    except Refusal as refusal:
        if form.is_bound:
            form.refusal = refusal  # type: ignore[attr-defined]  # so that the answer has the refusal's status
            form.add_error(refusal.field or None, refusal.sentence)
        return None
