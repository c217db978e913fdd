"""Invitations into organisations, as those see them who are invited."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.shortcuts import redirect, render
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_http_methods, require_safe

from contributions.actions import inviting
from contributions.errors import Missing
from contributions.models import Invitation
from contributions.models.invitation import UNKNOWN_INVITATION

from .entering import person_of, verb

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@login_required
@require_safe
def own(request: HttpRequest) -> HttpResponse:
    return render(request, "invitations.html", {"invitations": Invitation.objects.naming(person_of(request))})


@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, secret: str) -> HttpResponse:
    """What the link of a letter leads to. Looking at it does nothing; the press of a button needs an account."""
    found = Invitation.objects.of_link(secret)
    if request.method == "POST":
        return _answered(request, found, accepts=request.POST.get("answer") == "accept")
    response = render(request, "invitation.html", {"invitation": found})
    patch_cache_control(response, no_store=True, private=True)
    return response


@verb("invitations", of_the_same=False)
def accept(request: HttpRequest, number: int) -> HttpResponse:
    return _answered(request, _named(request, number), accepts=True)


@verb("invitations", of_the_same=False)
def decline(request: HttpRequest, number: int) -> HttpResponse:
    return _answered(request, _named(request, number), accepts=False)


def _named(request: HttpRequest, number: int) -> Invitation:
    found = Invitation.objects.naming(person_of(request)).filter(pk=number).first()
    if found is None:
        raise Missing(UNKNOWN_INVITATION)
    return found


def _answered(request: HttpRequest, found: Invitation, *, accepts: bool) -> HttpResponse:
    person = person_of(request)
    if accepts:
        inviting.accept_invitation(person=person, invitation=found)
        messages.success(request, f"You belong to {found.organisation.name} now.")
        return redirect(found.organisation)
    inviting.decline_invitation(person=person, invitation=found)
    messages.success(request, f"You declined the invitation of {found.organisation.name}.")
    return redirect("invitations")
