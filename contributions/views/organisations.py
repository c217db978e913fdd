"""Organisations and who belongs to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from contributions.actions import inviting, organising
from contributions.errors import Missing, NotAllowed
from contributions.forms.people import InvitationForm, OrganisationForm, TellingForm
from contributions.keeping import kept
from contributions.models import Contribution, FieldReport, Organisation, Person
from contributions.models.contribution import visible_to_all

from .entering import person_of, verb
from .listing import contribution_page
from .paging import page
from .refusals import answer_form, carried_out

if TYPE_CHECKING:
    from django.forms import BaseForm
    from django.http import HttpRequest, HttpResponse


def organisation_called(slug: str) -> Organisation:
    """Raises Missing."""
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
    return render(request, "organisation.html", _shown(request, organisation_called(slug), InvitationForm()))


def _shown(request: HttpRequest, found: Organisation, form: BaseForm) -> dict[str, object]:
    visible = Contribution.objects.visible_to(request.user).filter(organisation=found)
    reports = FieldReport.objects.told_to(request.user).filter(
        organisation=found, contribution__in=Contribution.objects.visible_to(request.user)
    )
    reports = reports.select_related("contribution", "release__component")
    members = list(found.memberships.select_related("person")[:200])
    owners = {member.person_id for member in members if member.role == "owner"}
    may_run = request.user.is_authenticated and found.may_be_run_by(request.user)
    return {
        "organisation": found,
        "members": members,
        "page": contribution_page(request, visible, Contribution.ORDERS["newest"]),
        "reports": reports[:20],
        "may_run": may_run,
        "invitations": found.invitations.waiting().select_related("person", "invited_by") if may_run else [],
        "spoken_for": request.user.organisation if isinstance(request.user, Person) else None,
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


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def organisation_edit(request: HttpRequest, slug: str) -> HttpResponse:
    found, person = organisation_called(slug), person_of(request)
    if not found.may_be_run_by(person):
        raise NotAllowed("Only an owner of the organisation can change what is told of it.")
    told = {name: getattr(found, name) for name in ("sector", "website", "about")}
    form = TellingForm(request.POST or None, initial=told)
    if request.method != "POST":
        return render(request, "organisation_edit.html", {"form": form, "organisation": found})
    made = carried_out(form, lambda: organising.describe(person=person, organisation=found, **form.cleaned_data))
    if made is None:
        return answer_form(request, "organisation_edit.html", form, {"organisation": found})
    messages.success(request, "Noted.")
    return redirect(made)


@verb("organisation")
def organisation_invite(request: HttpRequest, slug: str) -> HttpResponse:
    found = organisation_called(slug)
    form = InvitationForm(request.POST)
    made = carried_out(
        form, lambda: inviting.invite(person=person_of(request), organisation=found, **form.cleaned_data)
    )
    if made is None:
        return answer_form(request, "organisation.html", form, _shown(request, found, form))
    messages.success(request, f"Invited. The invitation is good until {made.expires_at:%Y-%m-%d}.")
    return redirect(found)


@verb("organisations", of_the_same=False)
def organisation_revoke(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    found = organisation_called(slug)
    invitation = found.invitations.filter(pk=number).first()
    if invitation is None or not found.may_be_run_by(request.user):
        raise Missing("There is no such invitation.")
    inviting.revoke_invitation(person=person_of(request), invitation=invitation)
    return redirect(found)


@verb("organisation")
def organisation_role(request: HttpRequest, slug: str) -> HttpResponse:
    found = organisation_called(slug)
    username, role = request.POST.get("username", ""), request.POST.get("role", "")
    organising.set_role(person=person_of(request), organisation=found, username=username, role=role)
    return redirect(found)


@verb("organisation")
def organisation_speak_for(request: HttpRequest, slug: str) -> HttpResponse:
    found = organisation_called(slug)
    organising.speak_for(person=person_of(request), organisation=found)
    return redirect(found)


@verb("organisation")
def organisation_remove_member(request: HttpRequest, slug: str) -> HttpResponse:
    found = organisation_called(slug)
    organising.remove_member(person=person_of(request), organisation=found, username=request.POST.get("username", ""))
    return redirect(found)
