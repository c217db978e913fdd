"""Trying again what the portal gave up on through its own fault, once whoever waits for it asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from contributions.errors import Clash, NotAllowed
from contributions.models import Event, gave_up
from contributions.tasks import ring

from .assembling import refuse_taken_back
from .pacing import pace
from .quarantining import refuse_in_quarantine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contributions.models import Assembly, Fit, Fork, Person
    from contributions.models.work import Work, WorkQuerySet


def try_fit_again(*, person: Person, fit: Fit) -> list[Work]:
    """The verdict, its reason and a try at a port, as far as they errored; for those who may ask for a build."""
    contribution = fit.revision.contribution
    refuse_in_quarantine(person, contribution)
    if contribution.is_withdrawn:
        raise Clash("It is withdrawn, so it is tried no more.")
    if not contribution.may_be_confirmed_by(person):
        raise NotAllowed("Only its author, a maintainer or staff can have it tried again.")
    if not fit.release.is_supported:
        raise Clash(f"{fit.release.name} is retired: nothing is tried on it any more.")
    pace(person, Event.Verb.REBUILT)
    with transaction.atomic():
        works = _again(gave_up.of_fit(fit))
        Event.objects.write(
            Event.Verb.REBUILT, actor=person, contribution=contribution, revision=fit.revision, release=fit.release
        )
    return works


def try_assembly_again(*, person: Person, assembly: Assembly) -> list[Work]:
    """A stack that could not be laid, or a build that its verdict or the search for a culprit waits for."""
    stack = assembly.stack
    if not person.is_authenticated or not stack.may_be_changed_by(person):
        raise NotAllowed("Only those who carry a stack have it tried again; copy it to have one of your own.")
    if stack.is_archived:
        raise Clash("It is archived; take it out of the archive first.")
    pace(person, Event.Verb.LOCKED)
    with transaction.atomic():
        refuse_taken_back(assembly)
        works = _again(gave_up.of_assembly(assembly))
        about = {"stack": stack, "component": stack.component, "release": assembly.release}
        Event.objects.write(Event.Verb.LOCKED, actor=person, **about, text=f"{assembly.number}: tried again")
    return works


def try_fork_again(*, person: Person, fork: Fork) -> list[Work]:
    """What was drafted by then stays, and is passed over."""
    if not fork.is_kept_by(person):
        raise NotAllowed("Only its author or an owner of the organisation can have it tried again.")
    pace(person, Event.Verb.UNMASKED)
    with transaction.atomic():
        works = _again(gave_up.of_fork(fork))
        about = {"component": fork.component, "organisation": fork.organisation}
        Event.objects.write(Event.Verb.UNMASKED, actor=person, **about, text="Tried again")
    return works


def _again(things: Sequence[WorkQuerySet]) -> list[Work]:
    """Queue what errored, with all its attempts, and ring for it. Pressed twice at once, it is tried once."""
    works = [row for rows in things for row in rows.filter(pk__in=rows.try_again())]
    if not works:
        raise Clash("Nothing of it went wrong on our side, or it is being tried again already.")
    ring(*works)
    return works
