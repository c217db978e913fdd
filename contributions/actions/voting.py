"""Voting on a contribution."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from contributions.errors import Clash, Invalid, NotAllowed
from contributions.models import Contribution, Event, Standing, Vote

from .pacing import pace
from .quarantining import refuse_in_quarantine

if TYPE_CHECKING:
    from contributions.models import Person


def vote(*, person: Person, contribution: Contribution, value: int) -> Contribution:
    """Vote 1 (up), -1 (down) or 0 (take it back); the latest one counts."""
    if isinstance(value, bool) or not isinstance(value, int) or value not in {1, 0, -1}:
        raise Invalid("A vote is 1, 0 or -1.", field="value")
    refuse_in_quarantine(person, contribution)
    if not contribution.may_be_voted_on_by(person):
        raise NotAllowed("You cannot vote on your own contribution, nor on one that is withdrawn.")
    pace(person, Event.Verb.VOTED)
    with transaction.atomic():
        locked = Contribution.objects.select_for_update(of=("self",)).get(pk=contribution.pk)
        if locked.is_or_was_by(person):
            raise Clash("You became its author meanwhile.")
        if value:
            cast = {"value": value, "revision": locked.current}
            Vote.objects.update_or_create(contribution=contribution, person=person, defaults=cast)
        else:
            Vote.objects.filter(contribution=contribution, person=person).delete()
        Event.objects.write(Event.Verb.VOTED, actor=person, contribution=contribution, text=f"{value:+d}")
        Standing.objects.recompute(contribution)
    return contribution
