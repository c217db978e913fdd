"""Ways in, as a browser takes them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.test import Client

from tests import factories

if TYPE_CHECKING:
    from django.http import HttpResponse

    from contributions.models import Person

STEP = 30  # seconds that a code is good for (RFC 6238)


def enter(client: Client, name: str, password: str = factories.PASSWORD) -> HttpResponse:
    return client.post("/account/login/", {"login": name, "password": password})


def signed_in(person: Person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def grow_stale(client: Client, seconds: int = 100_000) -> Client:
    """Let the log-in be that much older."""
    session = client.session
    for record in session["account_authentication_methods"]:
        record["at"] -= seconds
    session.save()
    return client


def add_totp(person: Person) -> str:
    """Give the person an authenticator app with recovery codes; returns its secret."""
    secret = generate_totp_secret()
    TOTP.activate(person, secret)
    RecoveryCodes.activate(person)
    return secret


def code(secret: str, *, steps: int = 0) -> str:
    """What the app shows now, or some steps later."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // STEP + steps))
