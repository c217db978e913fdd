"""Ports: proposing one, taking what the portal offers, and taking one back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from contributions.actions import porting
from contributions.errors import Missing, NotAllowed
from contributions.forms.sharing import PortForm
from contributions.forms.voices import ReasonForm
from contributions.keeping import kept
from contributions.models import Contribution, Fit, Offer, Release, Revision
from contributions.models.stranded import needing_port
from contributions.plaintext import clean

from .contribution import find
from .entering import person_of, verb
from .files import served
from .listing import contribution_page
from .refusals import answer_form, carried_out
from .settling import address
from .sharing import most

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from django.http.response import HttpResponseBase

PAGE = "port_new.html"


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def port_new(request: HttpRequest, number: int) -> HttpResponse:
    contribution = find(request, number)
    if not contribution.may_be_ported_by(request.user):
        raise NotAllowed("Only patches are ported, and not what is a draft, in quarantine or withdrawn.")
    sent = {"data": request.POST, "files": request.FILES} if request.method == "POST" else {}
    asked = {"release": _asked_for(contribution, clean(request.GET.get("release", "")))}
    form = PortForm(**sent, contribution=contribution, keeper=person_of(request).pk, initial=asked)
    context = {"contribution": contribution, "form": form, "most": most(), "current": contribution.current}
    context["settles"] = _settles(contribution, asked["release"])
    if request.method != "POST":
        return render(request, PAGE, context)
    made = carried_out(form, lambda: _proposed(request, contribution, form))
    if made is None:
        form.keep_files(most())
        return answer_form(request, PAGE, form, context)
    return _sent(request, contribution, made)


def _settles(contribution: Contribution, slug: str) -> str:
    """The page that settles the conflicts with the release that is asked for, if it has any."""
    found = Fit.objects.filter(revision=contribution.current_id, release__slug=slug, state=Fit.State.CONFLICTS)
    row = found.select_related("release").first()
    return address(contribution, row.release) if row else ""


def _asked_for(contribution: Contribution, word: str) -> str:
    """The slug of the release that is meant by its slug or its name; empty if there is none."""
    slugs = contribution.component.releases.filter(Q(slug=word) | Q(name=word)).values_list("slug", flat=True)
    return word if word in slugs else next(iter(slugs), "")


def _proposed(request: HttpRequest, contribution: Contribution, form: PortForm) -> Revision:
    given = form.cleaned_data
    return porting.propose_port(
        person=person_of(request),
        contribution=contribution,
        release=given["release"],
        source=form.source(contribution.kind, ""),
        note=given["note"],
        once=given["once"],
    )


def _sent(request: HttpRequest, contribution: Contribution, port: Revision) -> HttpResponse:
    words: dict[str, Any] = {"label": port.label}
    messages.success(request, _("%(label)s is sent: the worker receives it next and tries it on its release.") % words)
    return redirect("contribution-matrix", contribution.pk)


@require_safe
def port_offered(request: HttpRequest, number: int, slug: str) -> HttpResponseBase:
    """What the portal made of remembered resolutions, to be looked at before somebody proposes it."""
    contribution = find(request, number)
    rows = Offer.objects.filter(revision=contribution.current_id, release__slug=slug)
    offer = rows.select_related("mbox", "release").first()
    if offer is None or offer.mbox is None or not offer.is_standing:
        raise Missing("There is nothing to offer for this release.")
    response = served(request, offer.mbox, f"{number}-offered.patch", public=contribution.is_public, text=True)
    response.headers["Cache-Control"] = "no-cache"
    return response


@require_safe
@kept
def ports_needed(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """What does not fit a release and nobody has ported, what is most used first."""
    release = Release.objects.select_related("component").filter(component__slug=slug, name=name).first()
    if release is None:
        raise Missing("There is no such release of this component.")
    rows = Contribution.objects.visible_to(request.user).filter(needing_port(release), component=release.component_id)
    page = contribution_page(request, rows, Contribution.ORDERS["deployed"])
    return render(request, "ports_needed.html", {"release": release, "page": page})


@verb("contribution-matrix")
def port_take(request: HttpRequest, number: int) -> HttpResponse:
    contribution = find(request, number)
    slug = clean(request.POST.get("release", ""))
    release = Release.objects.filter(component=contribution.component_id, slug=slug).first()
    if release is None:
        raise Missing("There is no such release.")
    port = porting.take_offer(person=person_of(request), contribution=contribution, release=release)
    return _sent(request, contribution, port)


@verb("contribution-matrix", by="number")
def port_withdraw(request: HttpRequest, number: int, port: int) -> HttpResponse:
    contribution = find(request, number)
    rows = Revision.objects.filter(contribution=contribution, number=port, ports__isnull=False)
    found = rows.select_related("contribution__component", "release").first()
    if found is None:
        raise Missing("There is no such port.")
    form = ReasonForm(request.POST)
    form.is_valid()
    porting.withdraw_port(person=person_of(request), port=found, reason=form.cleaned_data.get("reason", ""))
    messages.success(request, _("The port is taken back."))
    return redirect("contribution-matrix", number)
