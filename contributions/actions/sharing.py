"""Making a draft public once its author has seen what is like it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from contributions.errors import Clash, NotAllowed
from contributions.models import Contribution, Event
from contributions.pipeline.drafting import unfounded
from contributions.pipeline.unveiling import unveil
from contributions.tasks import ring

from .pacing import pace

if TYPE_CHECKING:
    from contributions.models import Person


def share(*, person: Person, contribution: Contribution) -> Contribution:
    """Show it to everybody all the same. Of two presses at once the second is told that it is public."""
    if not contribution.is_by(person):
        raise NotAllowed("Only its author can make a draft public.")
    if contribution.is_quarantined or contribution.is_withdrawn:
        raise Clash("It is withdrawn or in quarantine, and stays out of sight.")
    if needed := unfounded(contribution):
        raise Clash(needed)
    pace(person, Event.Verb.SHARED)
    with transaction.atomic():
        locked = Contribution.objects.select_for_update(of=("self",)).get(pk=contribution.pk)
        if locked.is_withdrawn:
            raise Clash("It was withdrawn meanwhile.")
        ring(*unveil(locked, actor=person))
    contribution.refresh_from_db()
    return contribution
