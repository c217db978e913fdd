"""What a component asks of contributions: shown to everybody with its history, set by its maintainers and staff."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from contributions.accounts.freshness import sensitive
from contributions.actions import maintaining, ruling, vocabulary
from contributions.errors import Missing, NotAllowed
from contributions.forms.rules import RulesForm, TraitsForm, written_out
from contributions.models import Component, Event, Recipe
from contributions.plaintext import clean

from .entering import person_of, verb
from .paging import page
from .refusals import answer_form, carried_out, status_of_form

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from contributions.models import Release


def _find(slug: str) -> Component:
    found = Component.objects.filter(slug=slug).first()
    if found is None:
        raise Missing("There is no such component.")
    return found


@require_safe
def component_rules(request: HttpRequest, slug: str) -> HttpResponse:
    shown = _find(slug)
    changes = Event.objects.filter(component=shown, verb=Event.Verb.RULED).select_related("actor")
    context = {
        "component": shown,
        "page": page(request, changes, ("-pk",)),
        "may_keep": shown.may_be_kept_by(request.user),
    }
    return render(request, "component_rules.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive()
def component_settings(request: HttpRequest, slug: str) -> HttpResponse:
    shown = _find(slug)
    if not shown.may_be_kept_by(request.user):
        raise NotAllowed("Only maintainers and staff keep a component.")
    form = RulesForm(request.POST or None, component=shown)
    if request.method != "POST":
        return render(request, "component_settings.html", {"form": form, **_kept(request, shown)})
    made = carried_out(form, lambda: _set(request, shown, form))
    if made is None:
        return answer_form(request, "component_settings.html", form, _kept(request, shown))
    messages.success(request, "The rules are set. What is open is looked at anew.")
    return redirect("component-settings", slug)


def _set(request: HttpRequest, component: Component, form: RulesForm) -> Component:
    seen = form.cleaned_data["seen"]
    return ruling.set_rules(person=person_of(request), component=component, rules=form.rules, seen=seen)


def _kept(request: HttpRequest, component: Component) -> dict[str, object]:
    return {
        "component": component,
        "traits_form": TraitsForm(initial={"traits": written_out(component.traits.all())}),
        "page": page(request, component.releases.all(), ("-position", "-pk")),
        "recipe": Recipe.objects.filter(component=component).first(),
        "fetch": component.fetches.first(),
    }


@verb("component-settings")
@sensitive()
def component_traits(request: HttpRequest, slug: str) -> HttpResponse:
    shown, person = _find(slug), person_of(request)
    form = TraitsForm(request.POST)
    made = carried_out(form, lambda: vocabulary.set_traits(person=person, component=shown, traits=form.vocabulary))
    if made is None:
        context = {"form": RulesForm(None, component=shown), **_kept(request, shown), "traits_form": form}
        return render(request, "component_settings.html", context, status=status_of_form(form))
    messages.success(request, "The traits are set. Reports ask for them from now on.")
    return redirect("component-settings", slug)


@verb("component-settings")
def release_support(request: HttpRequest, slug: str) -> HttpResponse:
    release = maintaining.support(person=person_of(request), release=_release(request, slug))
    messages.success(request, f"{release.name} is supported: contributions are tried on it from now on.")
    return redirect("component-settings", slug)


@verb("component-settings")
def release_retire(request: HttpRequest, slug: str) -> HttpResponse:
    release = maintaining.retire(person=person_of(request), release=_release(request, slug))
    messages.success(request, f"{release.name} is retired: nothing new is tried on it.")
    return redirect("component-settings", slug)


@verb("component-settings")
def component_fetch(request: HttpRequest, slug: str) -> HttpResponse:
    maintaining.fetch_upstream(component=_find(slug), actor=person_of(request))
    messages.success(request, "It is pulled from upstream as soon as a worker is free.")
    return redirect("component-settings", slug)


def _release(request: HttpRequest, slug: str) -> Release:
    """The release that the form names by its slug."""
    releases = _find(slug).releases.select_related("component")
    found: Release | None = releases.filter(slug=clean(request.POST.get("release", ""))).first()
    if found is None:
        raise Missing("There is no such release of this component.")
    return found
