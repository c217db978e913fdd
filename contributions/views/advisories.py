"""Security advisories: the list, one of them, publishing one, and taking it back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from contributions.actions import advising
from contributions.errors import Missing, NotAllowed
from contributions.forms.recalls import AdvisoryForm
from contributions.forms.voices import ReasonForm
from contributions.keeping import kept
from contributions.models import Advisory, Component, Contribution, Publication, Revision
from contributions.models.hearing import hearers_of_revisions
from contributions.plaintext import clean

from .contribution import find
from .entering import person_of, verb
from .paging import page
from .refusals import answer_form, carried_out

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpRequest, HttpResponse


def _find(number: int) -> Advisory:
    found = Advisory.objects.select_related("component", "author").filter(pk=number).first()
    if found is None:
        raise Missing("There is no advisory of that number.")
    return found


@require_safe
@kept
def advisories(request: HttpRequest) -> HttpResponse:
    slug = clean(request.GET.get("component", ""))
    rows = Advisory.objects.select_related("component")
    if slug:
        if not Component.objects.filter(slug=slug).exists():
            raise Missing("There is no such component.")
        rows = rows.filter(component__slug=slug)
    context = {"page": page(request, rows, ("-pk",)), "component": slug, "components": Component.objects.all()[:200]}
    return render(request, "advisories.html", context)


@require_safe
@kept
def advisory(request: HttpRequest, number: int) -> HttpResponse:
    return render(request, "advisory.html", _shown(request, _find(number), ReasonForm()))


def _shown(request: HttpRequest, found: Advisory, form: ReasonForm) -> dict[str, Any]:
    publications = Publication.objects.visible_to(request.user).filter(revision__advisories=found)
    return {
        "advisory": found,
        "affected": _revisions(request, found.affected.all()),
        "fixed": _revisions(request, found.fixed.all()),
        "publications": publications.with_names()
        .defer("revision__files", "revision__commits", "revision__fingerprints")
        .newest_first(),
        "may_withdraw": found.may_be_withdrawn_by(request.user),
        "form": form,
    }


def _revisions(request: HttpRequest, rows: Any) -> list[tuple[Revision, bool]]:
    """Each with whether this person may look at it: the number of what is in quarantine says nothing else."""
    found = list(
        rows.select_related("contribution").defer("files", "commits", "fingerprints").order_by("contribution", "number")
    )
    keys = {revision.contribution_id for revision in found}
    seen = set(Contribution.objects.visible_to(request.user).filter(pk__in=keys).values_list("pk", flat=True))
    return [(revision, revision.contribution_id in seen) for revision in found]


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def advise(request: HttpRequest, number: int) -> HttpResponse:
    contribution = find(request, number)
    if not contribution.component.may_be_advised_on_by(request.user):
        raise NotAllowed("Only a maintainer of the component or staff can publish an advisory.")
    form = AdvisoryForm(request.POST or None, contribution=contribution)
    revisions = contribution.revisions.filter(state=Revision.State.RECEIVED)
    context = {
        "contribution": contribution,
        "form": form,
        "revisions": revisions.defer("files", "commits", "fingerprints").order_by("-number"),
        "chosen": {name: _chosen(form, name) for name in ("affected", "fixed")},
        "hearers": hearers_of_revisions(revisions).count(),
    }
    if request.method != "POST":
        return render(request, "advise.html", context)
    made = carried_out(
        form,
        lambda: advising.advise(person=person_of(request), component=contribution.component, **form.as_given()),
    )
    if made is None:
        return answer_form(request, "advise.html", form, context)
    messages.success(request, f"{made.identifier} is published, and all whom it concerns are told.")
    return redirect(made)


def _chosen(form: AdvisoryForm, name: str) -> Iterable[str]:
    return [str(value) for value in form[name].value() or []]


@verb("advisory")
def advisory_withdraw(request: HttpRequest, number: int) -> HttpResponse:
    found = _find(number)
    form = ReasonForm(request.POST)
    made = carried_out(
        form, lambda: advising.withdraw_advisory(person=person_of(request), advisory=found, **form.cleaned_data)
    )
    if made is None:
        return answer_form(request, "advisory.html", form, _shown(request, found, form))
    return redirect(found)
