"""In whose hands an account or an organisation is: when that may have changed, it is noted and told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.db.models.functions import Now

from contributions.models import Event, Organisation, Person

if TYPE_CHECKING:
    from collections.abc import Iterable

SUBJECT = "[{site}] Your account may have changed hands"
LETTER = """\
Hello {username},

{why}

If this was you, there is nothing to do: for some days your new work waits a little before it can be approved, and your
page says so. If it was not you, somebody else has your account: reset your password at once, and tell the staff.

{site} {url}
"""


def changed_hands(person: Person, why: str, *, actor: Person | None = None, address: str | None = None) -> None:
    """Note that somebody else may have the account now; `why` is a sentence that anybody may read.

    `address` is where the one who had it is told: the account's own unless it was just replaced. "" tells nobody.
    """
    with transaction.atomic():
        Person.objects.filter(pk=person.pk).update(changed_hands_at=Now())
        Event.objects.write(Event.Verb.CHANGED_HANDS, actor=actor, subject=person, text=why)
        _write_to(person.email if address is None else address, person, why)
    person.refresh_from_db(fields=["changed_hands_at"])


def owners_changed(organisation: Organisation, why: str, *, actor: Person | None = None) -> None:
    """Note that others decide for the organisation now."""
    with transaction.atomic():
        Organisation.objects.filter(pk=organisation.pk).update(changed_hands_at=Now())
        Event.objects.write(Event.Verb.CHANGED_HANDS, actor=actor, organisation=organisation, text=why)
    organisation.refresh_from_db(fields=["changed_hands_at"])


def note_owners(organisation: Organisation, before: Iterable[int], *, actor: Person | None = None) -> None:
    """Compare the owners with the keys of those `before`, and note it if others own it now."""
    before, now = set(before), set(organisation.owner_keys())
    if before and now != before:
        gone, came = len(before - now), len(now - before)
        owners_changed(organisation, f"Its owners changed: {gone} went, {came} came.", actor=actor)


def _write_to(address: str, person: Person, why: str) -> None:
    """Mail once all is committed; a mail server that is away is logged and holds nobody up."""
    if not address:
        return
    site = {"site": settings.SITE_NAME, "url": settings.SITE_URL}
    letter = LETTER.format(username=person.username, why=why, **site)
    subject = SUBJECT.format(**site)
    transaction.on_commit(lambda: send_mail(subject, letter, None, [address]), robust=True)
