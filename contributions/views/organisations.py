"""Organisations and who belongs to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.decorators import login_required
from django.db.models import Count
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from contributions.actions import organising
from contributions.errors import Missing
from contributions.forms.people import MemberForm, OrganisationForm
from contributions.keeping import kept
from contributions.models import Contribution, FieldReport, Organisation
from contributions.models.contribution import visible_to_all

from .entering import person_of, verb
from .listing import contribution_page
from .paging import page
from .refusals import answer_form, carried_out

if TYPE_CHECKING:
    from django.forms import BaseForm
    from django.http import HttpRequest, HttpResponse


def _find(slug: str) -> Organisation:
    found = Organisation.objects.filter(slug=slug).first()
    if found is None:
        raise Missing("There is no such organisation.")
    return found


@require_safe
@kept
def organisations(request: HttpRequest) -> HttpResponse:
    rows = Organisation.objects.annotate(
        member_count=Count("memberships", distinct=True),
        contribution_count=Count("contributions", filter=visible_to_all("contributions__"), distinct=True),
    )
    return render(request, "organisations.html", {"page": page(request, rows, ("-pk",))})


@require_safe
@kept
def organisation(request: HttpRequest, slug: str) -> HttpResponse:
    return render(request, "organisation.html", _shown(request, _find(slug), MemberForm()))


def _shown(request: HttpRequest, found: Organisation, form: BaseForm) -> dict[str, object]:
    visible = Contribution.objects.visible_to(request.user).filter(organisation=found)
    reports = FieldReport.objects.told_to(request.user).filter(
        organisation=found, contribution__in=Contribution.objects.visible_to(request.user)
    )
    reports = reports.select_related("contribution", "release__component")
    members = list(found.memberships.select_related("person")[:200])
    owners = {member.person_id for member in members if member.role == "owner"}
    return {
        "organisation": found,
        "members": members,
        "page": contribution_page(request, visible, Contribution.ORDERS["newest"]),
        "reports": reports[:20],
        "may_run": found.may_be_run_by(request.user) if request.user.is_authenticated else False,
        "is_member": any(member.person_id == request.user.pk for member in members),
        "is_last_owner": owners == {request.user.pk},
        "form": form,
    }


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def organisation_new(request: HttpRequest) -> HttpResponse:
    form = OrganisationForm(request.POST or None)
    if request.method != "POST":
        return render(request, "organisation_new.html", {"form": form})
    made = carried_out(form, lambda: organising.found_organisation(founder=person_of(request), **form.cleaned_data))
    return redirect(made) if made else answer_form(request, "organisation_new.html", form, {})


@verb("organisation")
def organisation_add_member(request: HttpRequest, slug: str) -> HttpResponse:
    found = _find(slug)
    form = MemberForm(request.POST)
    made = carried_out(
        form, lambda: organising.add_member(person=person_of(request), organisation=found, **form.cleaned_data)
    )
    return redirect(found) if made else answer_form(request, "organisation.html", form, _shown(request, found, form))


@verb("organisation")
def organisation_remove_member(request: HttpRequest, slug: str) -> HttpResponse:
    found = _find(slug)
    organising.remove_member(person=person_of(request), organisation=found, username=request.POST.get("username", ""))
    return redirect(found)
