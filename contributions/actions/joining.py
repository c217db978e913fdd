"""Joining another contribution instead of keeping one's own: what two people brought goes on as one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction

from contributions.errors import Clash, Invalid, NotAllowed
from contributions.models import Contribution, Event, Vote

from .commenting import comment
from .following import follow
from .pacing import pace
from .voting import vote
from .withdrawing import withdraw
from .words import prose

if TYPE_CHECKING:
    from contributions.models import Person

State = Contribution.State


def join(*, person: Person, contribution: Contribution, into: Contribution, text: str = "") -> Contribution:
    """Withdraw one's own in favour of `into`: follow it, vote for it unless one has voted, and say `text` there.

    `into` is one that this person may see. Of two that join each other at once only one does.
    """
    if not contribution.may_be_joined_by(person):
        raise NotAllowed("Only its author can join another contribution instead, and only until it is withdrawn.")
    pace(person, Event.Verb.MERGED)
    text = prose(text, most=settings.MAX_TEXT_BYTES, what="The comment", field="text")
    with transaction.atomic():
        own, other = _locked(contribution, into)
        _refuse_mismatch(own, other)
        Contribution.objects.filter(pk=own.pk).update(joined=other, shares_at=None)
        withdraw(person=person, contribution=own, reason=f"Joined #{other.pk} instead.")
        what = "" if own.is_draft else f"#{own.pk}"  # nobody else knew of a draft, nor shall they
        Event.objects.write(Event.Verb.MERGED, actor=person, contribution=other, text=what)
        _take_part(person, other, text)
    contribution.refresh_from_db()
    return contribution


def _locked(*contributions: Contribution) -> tuple[Contribution, ...]:
    """In the order of their keys, so that two who join each other never wait in a circle; given back as asked for."""
    keys = [contribution.pk for contribution in contributions]
    rows = Contribution.objects.filter(pk__in=keys).select_for_update(of=("self",)).order_by("pk")
    found = {row.pk: row for row in rows}
    return tuple(found[key] for key in keys)


def _refuse_mismatch(own: Contribution, other: Contribution) -> None:
    if own.pk == other.pk:
        raise Invalid("It cannot join itself.", field="into")
    if own.component_id != other.component_id:
        raise Invalid(f"#{other.pk} belongs to another component.", field="into")
    if not other.is_public:
        raise Invalid(f"#{other.pk} is not public.", field="into")
    if other.is_withdrawn:
        raise Clash(f"#{other.pk} is withdrawn; there is nothing to join any more.", field="into")
    if own.is_withdrawn:
        raise Clash("It is withdrawn already.")


def _take_part(person: Person, other: Contribution, text: str) -> None:
    follow(person=person, thing=other)
    has_voted = Vote.objects.filter(contribution=other, person=person).exists()
    if other.may_be_voted_on_by(person) and not has_voted:
        vote(person=person, contribution=other, value=1)
    if text:
        comment(author=person, contribution=other, text=text)
