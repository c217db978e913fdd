"""How one's own account is kept: password, second factors, and where it is signed in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from contributions.accounts.freshness import lacks_second_factor
from contributions.errors import Missing
from contributions.models import Event

from .entering import person_of, verb

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

CHANGES = 10  # of the newest, to see what one did not do


@never_cache
@login_required
@require_safe
def security(request: HttpRequest) -> HttpResponse:
    person = person_of(request)
    sessions = sorted(UserSession.objects.purge_and_list(person), key=lambda session: session.pk, reverse=True)
    context = {
        "sessions": sessions,
        "others": sum(not session.is_current() for session in sessions),
        "factors": Authenticator.objects.filter(user=person).exclude(type=Authenticator.Type.RECOVERY_CODES),
        "lacks_second_factor": lacks_second_factor(person),
        "changes": Event.objects.filter(actor=person, verb=Event.Verb.SECURED).newest_first()[:CHANGES],
    }
    return render(request, "security.html", context)


@verb("security", of_the_same=False)
def session_end(request: HttpRequest, number: int) -> HttpResponse:
    found = UserSession.objects.filter(user=person_of(request), pk=number).first()
    if found is None:
        raise Missing("You have no such session.")
    found.end()
    messages.success(request, "That session is ended.")
    return redirect("security")


@verb("security", of_the_same=False)
def sessions_end(request: HttpRequest) -> HttpResponse:
    """All but the one that asks."""
    for found in UserSession.objects.filter(user=person_of(request)):
        if not found.is_current():
            found.end()
    messages.success(request, "All other sessions are ended.")
    return redirect("security")
