"""Where a contribution stands: the one home that opens, approves and rejects it, by reviews and its component's rules.

It is looked at anew when a review, a build or a revision came in, when the rules changed, and when a cool-down is over.
Each of these holds the contribution's lock, so that of two at once the second sees what the first one did.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models.functions import Now

from contributions.models import Carry, Contribution, Event, Review, Revision, checklist_of
from contributions.models.checklist import checklist_of_port
from contributions.models.porting import is_outdated, ports_of

if TYPE_CHECKING:
    from contributions.models import Component, Person

State, Verdict = Contribution.State, Review.Verdict
OBJECTIONS = {Verdict.REJECT: State.REJECTED, Verdict.REQUEST_CHANGES: State.CHANGES_REQUESTED}  # the gravest first


def take_up(contribution: Contribution, revision: Revision) -> None:
    """Show this revision from now on; its component's people are asked about it anew, unless it is the same."""
    if contribution.state == State.OPEN:
        Contribution.objects.filter(pk=contribution.pk).update(current=revision)
        contribution.refresh_from_db()
    else:
        contribution.move(State.OPEN, current=revision)
    settle(contribution)


def settle(contribution: Contribution, *, actor: Person | None = None) -> bool:
    """Move the contribution to where its reviews and its rules put it; True when that approved it.

    What is approved stays so when rules become stricter; an objection alone takes it back. `actor` is who approved.
    """
    with transaction.atomic():
        rows = Contribution.objects.select_for_update(of=("self",)).with_names()
        locked = rows.defer("current__files", "current__commits", "current__fingerprints").get(pk=contribution.pk)
        to, look_again = _where(locked)
        ported, port_due = settle_ports(locked)
        Contribution.objects.filter(pk=locked.pk).update(settles_at=_sooner(look_again, port_due))
        if to == locked.state:
            return ported
        locked.move(to)
        if to == State.APPROVED:
            Event.objects.write(Event.Verb.APPROVED, actor=actor, contribution=locked, revision=locked.current)
        return to == State.APPROVED or ported


def _sooner(one: datetime | Now | None, other: datetime | None) -> datetime | Now | None:
    if one is None or other is None:
        return one or other
    return min(one, other) if isinstance(one, datetime) else one


def settle_ports(contribution: Contribution) -> tuple[bool, datetime | None]:
    """Say of each port whether it may be published: whether that approved one, and when to look again.

    One with the same content as what it is a port of needs nobody's word; any other meets the component's rules itself.
    """
    approved, due = False, None
    for port in ports_of(contribution) if contribution.has_patch else ():
        may, look_again = _may_be_published(contribution, port)
        if may != (port.approved_at is not None):
            Revision.objects.filter(pk=port.pk).update(approved_at=Now() if may else None)
            approved = approved or may
        if look_again is not None:
            due = look_again if due is None else min(due, look_again)
    return approved, due


def _may_be_published(contribution: Contribution, port: Revision) -> tuple[bool, datetime | None]:
    if is_outdated(port, contribution.current) or port.ports is None:
        return False, None
    verdicts = set(Review.objects.in_force_for(port).values_list("verdict", flat=True))
    if verdicts & OBJECTIONS.keys():
        return False, None
    if port.approved_at is not None or port.carries.get(str(port.ports.number)) == Carry.SAME:
        return True, None
    checklist = checklist_of_port(contribution, port)
    return checklist.is_met, None if checklist.is_met else checklist.due


def _where(contribution: Contribution) -> tuple[str, datetime | Now | None]:
    """The state that it belongs in now, and when to look again."""
    checklist = checklist_of(contribution)
    if checklist is None or contribution.is_withdrawn:
        return contribution.state, None
    if objection := _objection(contribution):
        return objection, None
    if contribution.state == State.APPROVED:
        return State.APPROVED, None
    if not checklist.is_met:
        return State.OPEN, checklist.due
    if contribution.quarantined_at is not None:
        return State.OPEN, Now()  # that is, as soon as it is out of quarantine
    return State.APPROVED, None


def _objection(contribution: Contribution) -> str | None:
    """An objection stands until its maker or a revision with other content takes it away."""
    verdicts = Review.objects.in_force(contribution).values_list("verdict", flat=True)
    return next((state for verdict, state in OBJECTIONS.items() if verdict in set(verdicts)), None)


def settle_when_due(pk: int) -> bool:
    """Settle it if it is due for that; True when that approved it."""
    with transaction.atomic():
        contribution = Contribution.objects.select_for_update(of=("self",)).to_settle().filter(pk=pk).first()
        return contribution is not None and settle(contribution)


def settle_later(component: Component) -> None:
    """Have all that is open on the component looked at soon, because its rules or its people changed.

    They are locked in the order of their keys, so that two who do this at once never wait for each other in a circle.
    """
    waiting = Contribution.objects.filter(component=component, state=State.OPEN).exclude(current=None)
    with transaction.atomic():
        keys = list(waiting.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True))
        Contribution.objects.filter(pk__in=keys).update(settles_at=Now())


def due(most: int, *, component: int | None = None) -> list[int]:
    """The keys of at most `most` contributions that are due (on one component), the longest due first."""
    rows = Contribution.objects.to_settle()
    found = rows.filter(component=component) if component else rows
    return list(found.values_list("pk", flat=True)[:most])
