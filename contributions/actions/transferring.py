"""Handing a contribution over to a colleague, and taking over what somebody who left has shared."""

from __future__ import annotations

from django.db import transaction
from django.db.models.functions import Now

from contributions.errors import Clash, Invalid, Missing, NotAllowed
from contributions.models import Contribution, Event, Follow, Person, Review, Standing, Tick, Transfer, Vote
from contributions.models.transfer import may_be_taken_over_by, organisation_of, takers_of
from contributions.pipeline.settling import settle
from contributions.plaintext import clean
from contributions.tasks import ring_for_publishing

from .pacing import pace

State = Transfer.State
UNKNOWN_TRANSFER = "Nothing is offered here: it was taken back or answered, or is meant for somebody else."


def offer(*, person: Person, contribution: Contribution, username: str) -> Transfer:
    """Offer one's own to another member of the organisation; it stays one's own until they accept."""
    if not contribution.is_by(person):
        raise NotAllowed("Only its author can hand a contribution over.")
    pace(person, Event.Verb.OFFERED)
    with transaction.atomic():
        locked = _locked(contribution)
        if not locked.is_by(person):
            raise Clash("It has another author already.")
        taker = _taker(locked, clean(username).strip())
        if locked.transfers.filter(state=State.OPEN).exists():
            raise Clash("It is offered to somebody already. Take that back first.")
        made = Transfer.objects.create(
            contribution=locked, giver=person, taker=taker, organisation=organisation_of(locked)
        )
        _note(made, Event.Verb.OFFERED, person, taker)
    return made


def accept_transfer(*, person: Person, transfer: Transfer) -> Contribution:
    """Become its author, if it is still the giver's and one still belongs to their organisation."""
    if transfer.taker_id != person.pk:
        raise Missing(UNKNOWN_TRANSFER)
    pace(person, Event.Verb.TRANSFERRED)
    with transaction.atomic():
        locked = _locked(transfer.contribution)
        if transfer.giver_id != locked.author_id:
            raise Clash("It has another author already.")
        if not takers_of(locked).filter(pk=person.pk).exists():
            raise NotAllowed("You are no member of its author's organisation any more.")
        _refuse_judge(person, locked)
        transfer.move(State.ACCEPTED, decided_at=Now())
        return _handed_over(locked, transfer)


def decline_transfer(*, person: Person, transfer: Transfer) -> Transfer:
    """Say no to it; or take it back, as the one who offered it."""
    if person.pk not in {transfer.giver_id, transfer.taker_id}:
        raise Missing(UNKNOWN_TRANSFER)
    pace(person, Event.Verb.DECLINED)
    is_own = person.pk == transfer.giver_id
    with transaction.atomic():
        Contribution.objects.select_for_update(of=("self",)).get(pk=transfer.contribution_id)  # as all verbs do, first
        transfer.move(State.REVOKED if is_own else State.DECLINED, decided_at=Now())
        _note(transfer, Event.Verb.DECLINED, person, transfer.taker if is_own else transfer.giver)
    return transfer


def take_over(*, person: Person, contribution: Contribution) -> Contribution:
    """Become the author of what was shared for the organisation that one owns, by somebody who has left it."""
    _refuse_unless(may_be_taken_over_by(contribution, person))
    pace(person, Event.Verb.TRANSFERRED)
    with transaction.atomic():
        locked = _locked(contribution)
        _refuse_unless(may_be_taken_over_by(locked, person))
        _refuse_judge(person, locked)
        locked.transfers.filter(state=State.OPEN).update(state=State.REVOKED, decided_at=Now())
        transfer = Transfer.objects.create(
            contribution=locked,
            giver=locked.author,
            taker=person,
            organisation=locked.organisation,
            state=State.ACCEPTED,
            decided_at=Now(),
        )
        return _handed_over(locked, transfer)


def _refuse_unless(may: bool) -> None:  # noqa: FBT001 - the only thing that it is told
    if not may:
        raise NotAllowed(
            "Only an owner of the organisation that it was shared for can take it over, once its author has left that."
        )


def _locked(contribution: Contribution) -> Contribution:
    """Its row, held so that of two transfers at once the second sees the first; raises Clash for what cannot move."""
    rows = Contribution.objects.select_for_update(of=("self",)).with_names()
    locked = rows.defer("current__files", "current__commits", "current__fingerprints").get(pk=contribution.pk)
    if not locked.may_be_handed_over:
        raise Clash("A draft, and what is withdrawn or in quarantine, stays with its author.")
    return locked


def _taker(contribution: Contribution, username: str) -> Person:
    if organisation_of(contribution) is None:
        raise Invalid("You belong to no organisation, and only its members can take it.", field="to")
    found = takers_of(contribution).filter(username=username).first()
    if found is None:
        raise Invalid(f"{username[:60]!r} is no other member of {organisation_of(contribution)}.", field="to")
    _refuse_judge(found, contribution)
    return found


def _refuse_judge(person: Person, contribution: Contribution) -> None:
    """Whoever reviewed it was independent of it then, and has to stay so."""
    if Review.objects.filter(revision__contribution=contribution, reviewer=person).exists():
        raise Clash(f"{person} has reviewed it, and who judges it cannot become its author.", field="to")


def _handed_over(contribution: Contribution, transfer: Transfer) -> Contribution:
    """Set its author; what the new one said for it counts no longer, and its rules are looked at anew."""
    Contribution.objects.filter(pk=contribution.pk).update(author=transfer.taker)
    Vote.objects.filter(contribution=contribution, person=transfer.taker).delete()
    Tick.objects.filter(claim__contribution=contribution, person=transfer.taker).delete()
    Follow.objects.take_part(transfer.taker_id, contribution)
    _note(transfer, Event.Verb.TRANSFERRED, transfer.taker, transfer.giver)
    handed = Contribution.objects.get(pk=contribution.pk)
    if settle(handed):
        ring_for_publishing(handed)
    Standing.objects.recompute(handed)
    return handed


def _note(transfer: Transfer, verb: Event.Verb, actor: Person, subject: Person) -> None:
    Event.objects.write(
        verb,
        actor=actor,
        subject=subject,
        contribution=transfer.contribution,
        organisation=transfer.organisation,
        text=f"from {transfer.giver.username} to {transfer.taker.username}",
    )
