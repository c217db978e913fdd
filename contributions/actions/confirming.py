"""Saying whether a commit of upstream is a contribution: where the ladder finds no proof, a person looks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Q

from contributions.errors import Clash, Invalid, NotAllowed
from contributions.models import Contribution, Event, Fit, Sighting, Standing
from contributions.models.fit import VERDICTS
from contributions.pipeline import confirming
from contributions.pipeline.offering import queue_offer
from contributions.tasks import ring

from .pacing import pace
from .quarantining import refuse_in_quarantine

if TYPE_CHECKING:
    from contributions.models import Person
    from contributions.models.work import Work

SAID = {True: "it is {commit}", False: "it is not {commit}", None: "took back what was said of {commit}"}


def confirm(*, person: Person, contribution: Contribution, commit: str, is_same: bool | None) -> Sighting | None:
    """The commit is the contribution, or it is not; None takes back what was said of it.

    It holds for each release that has the commit, and for those that come; nobody is asked again.
    """
    refuse_in_quarantine(person, contribution)
    if not contribution.may_be_confirmed_by(person):
        raise NotAllowed("Only its author, a maintainer of the component or staff say whether upstream has it.")
    if not commit or not (
        _asking(contribution, commit).exists() or contribution.sightings.filter(commit=commit).exists()
    ):
        raise Invalid("Nobody is asked about that commit; look at the fit again.", field="commit")
    pace(person, Event.Verb.CONFIRMED)
    with transaction.atomic():
        locked = Contribution.objects.select_for_update(of=("self",)).get(pk=contribution.pk)
        made = _said(person, locked, commit, is_same)
        works = _carried_out(locked, commit, is_same)
        Event.objects.write(
            Event.Verb.CONFIRMED, actor=person, contribution=locked, text=SAID[is_same].format(commit=commit[:12])
        )
        Standing.objects.recompute(locked)
        ring(*works, *([made] if made and is_same else []))
    return made


def _asking(contribution: Contribution, commit: str) -> Any:
    about = Q(namesake=commit) | Q(state=Fit.State.PROBABLY_UPSTREAM, upstream_commit=commit)
    return Fit.objects.filter(about, revision__contribution=contribution)


def _said(person: Person, contribution: Contribution, commit: str, is_same: bool | None) -> Sighting | None:  # noqa: FBT001 - what is said
    before = contribution.sightings.filter(commit=commit)
    if is_same is None:
        if not before.delete()[0]:
            raise Clash("Nothing was said of that commit, or it was taken back already.")
        return None
    before.delete()  # a worker that still looks for the releases of the former word finds it gone
    state = Sighting.State.QUEUED if is_same else Sighting.State.DONE
    return Sighting.objects.create(
        contribution=contribution, commit=commit, is_same=is_same, person=person, state=state
    )


def _carried_out(contribution: Contribution, commit: str, is_same: bool | None) -> list[Work]:  # noqa: FBT001 - as above
    """The fits that ask about the commit get their answer; others that it had decided are judged again."""
    works: list[Work] = []
    for fit in _asking(contribution, commit).filter(state__in=VERDICTS).select_related("revision", "release"):
        works += queue_offer(confirming.answer(fit, is_same=is_same))
    return works if is_same else [*works, *confirming.judge_again(contribution, commit)]
