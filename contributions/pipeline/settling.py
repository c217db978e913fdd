"""Where a contribution stands: the one home that opens, approves and rejects it, by reviews and its component's rules.

It is looked at anew when a review, a build or a revision came in, when the rules changed, and when a cool-down is over.
Each of these holds the contribution's lock, so that of two at once the second sees what the first one did.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models.functions import Now

from contributions.models import Contribution, Event, Review, checklist_of

if TYPE_CHECKING:
    from datetime import datetime

    from contributions.models import Component, Person, Revision

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
        Contribution.objects.filter(pk=locked.pk).update(settles_at=look_again)
        if to == locked.state:
            return False
        locked.move(to)
        if to == State.APPROVED:
            Event.objects.write(Event.Verb.APPROVED, actor=actor, contribution=locked, revision=locked.current)
        return to == State.APPROVED


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
