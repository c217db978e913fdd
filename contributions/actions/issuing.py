"""API tokens: made, shown once, revoked."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from contributions.errors import Invalid, NotAllowed
from contributions.models import ApiToken, Event

from .pacing import pace
from .telling import tell
from .words import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contributions.models import Person

MADE = "The token “{name}” was made; it may: {scopes}. If that was not you, revoke it and change your password."
NAME_LENGTH, LONGEST_DAYS, MOST_TOKENS = 60, 3650, 50


def make_token(*, person: Person, name: str, scopes: Sequence[str], days: int | None) -> tuple[ApiToken, str]:
    """Return the token and its secret, which is shown now and never again. `days` None means no expiry."""
    pace(person, Event.Verb.TOKEN_MADE)
    name = one_line(name, most=NAME_LENGTH, what="The name", field="name")
    wanted = sorted(set(scopes))
    if not wanted or not set(wanted) <= set(ApiToken.Scope.values):
        raise Invalid("Choose one or more of " + ", ".join(ApiToken.Scope.values) + ".", field="scopes")
    if days is not None and not 1 <= days <= LONGEST_DAYS:
        raise Invalid(f"A token lives from 1 to {LONGEST_DAYS} days.", field="days")
    if person.tokens.usable().count() >= MOST_TOKENS:
        raise Invalid(f"You have {MOST_TOKENS} tokens; revoke one first.", field="name")
    secret = ApiToken.make_secret()
    with transaction.atomic():
        token = ApiToken.objects.create(
            person=person,
            name=name,
            prefix=secret[:8],
            digest=ApiToken.digest_of(secret),
            scopes=wanted,
            expires_at=timezone.now() + timedelta(days=days) if days else None,
        )
        Event.objects.write(Event.Verb.TOKEN_MADE, actor=person, text=token.prefix)
        tell(person, f"A token “{name}” was made", MADE.format(name=name, scopes=", ".join(wanted)))
    return token, secret


def revoke_token(*, person: Person, token: ApiToken) -> None:
    """From this moment the token opens nothing."""
    if token.person_id != person.pk:
        raise NotAllowed("Only its owner can revoke a token.")
    with transaction.atomic():
        if person.tokens.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now()):
            Event.objects.write(Event.Verb.TOKEN_REVOKED, actor=person, text=token.prefix)
