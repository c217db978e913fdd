"""Having two revisions compared that the portal did not compare by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from contributions.errors import Invalid, Missing, NotAllowed
from contributions.models import Comparison, Event, Revision
from contributions.pipeline.contrasting import queue_comparison
from contributions.tasks import ring

from .pacing import pace
from .quarantining import refuse_in_quarantine

if TYPE_CHECKING:
    from contributions.models import Contribution, Person


def compare(*, person: Person, contribution: Contribution, older: int, newer: int) -> Comparison:
    """The comparison of two revisions by their numbers; a worker makes it next unless it is there already."""
    if not person.is_authenticated:
        raise NotAllowed("Sign in to have revisions compared.")
    refuse_in_quarantine(person, contribution)
    if contribution.is_withdrawn:
        raise NotAllowed("What is withdrawn is not compared any more.")
    if not contribution.has_patch:
        raise Invalid("Only the commits of patches are compared by a worker.")
    if older >= newer:
        raise Invalid("Name the older revision first, then the newer one.", field="newer")
    first, second = (_revision(contribution, number) for number in (older, newer))
    pace(person, Event.Verb.COMPARED)
    with transaction.atomic():
        type(contribution).objects.select_for_update(of=("self",)).get(pk=contribution.pk)
        queued = queue_comparison(first.pk, second.pk)
        if queued is not None:
            text = f"{first.label} and {second.label}"
            Event.objects.write(
                Event.Verb.COMPARED, actor=person, contribution=contribution, revision=second, text=text
            )
            ring(queued)
    return queued or Comparison.objects.get(older=first, newer=second)


def _revision(contribution: Contribution, number: int) -> Revision:
    received = contribution.revisions.filter(state=Revision.State.RECEIVED).only("number", "contribution_id")
    found: Revision | None = received.filter(number=number).first()
    if found is None:
        raise Missing(f"There is no v{number} of #{contribution.pk} that was received.")
    return found
