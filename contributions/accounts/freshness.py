"""How long ago somebody proved who they are, and the verbs that want it proved anew or by a second factor.

The right to act is the actions' to check; this asks whether it is still the same person who sits there. A page leads
to the password and goes on with what was typed; the API says so with a problem. A token was made by somebody fresh.
"""

from __future__ import annotations

import time
from functools import wraps
from typing import TYPE_CHECKING, Any

from allauth.account.internal.flows.login import get_authentication_records
from allauth.core.exceptions import ReauthenticationRequired
from allauth.mfa.models import Authenticator
from django.conf import settings

from contributions.errors import NotAllowed, Stale

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

    from contributions.models import Person

    View = Callable[..., HttpResponse]

SECOND_FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


def is_fresh(request: HttpRequest) -> bool:
    """Whether this session's person logged in, or was asked again, at most PATCHBAY_REAUTHENTICATE_SECONDS ago."""
    records = get_authentication_records(request, request.user)
    age: float = time.time() - max((record["at"] for record in records), default=0)
    return age < settings.REAUTHENTICATE_SECONDS


def has_second_factor(person: Person) -> bool:
    return bool(Authenticator.objects.filter(user=person, type__in=SECOND_FACTORS).exists())


def lacks_second_factor(person: Person) -> bool:
    """Whether the site asks this person for a second factor and there is none."""
    if settings.SECOND_FACTOR != "maintainers":
        return False
    asked = person.is_staff or person.maintained_components.exists()
    return asked and not has_second_factor(person)


def prove_fresh(request: HttpRequest) -> None:
    """Raise Stale when the log-in is too old for what is asked."""
    if not is_fresh(request):
        raise Stale("Your log-in is too old for this. Prove who you are at /account/reauthenticate/, then do it again.")


def prove_strong(person: Person) -> None:
    """Raise NotAllowed for whoever keeps something of others' and has no second factor, where the site asks for one."""
    if lacks_second_factor(person):
        raise NotAllowed(
            "Maintainers and staff need a second factor here: set one up at /account/2fa/, then try again."
        )


def sensitive(*, when: Callable[[HttpRequest], bool] = lambda _: True) -> Callable[[View], View]:
    """Mark a page's view: what is posted to it waits until its sender is fresh, and goes on from there."""

    def marked(view: View) -> View:
        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **given: Any) -> HttpResponse:
            if request.method == "POST" and request.user.is_authenticated and when(request):
                prove_strong(request.user)
                if not is_fresh(request):
                    raise ReauthenticationRequired
            return view(request, *args, **given)

        checked.is_sensitive = True  # type: ignore[attr-defined]
        return checked

    return marked
