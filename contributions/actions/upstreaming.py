"""Saying what became of a contribution upstream: sent, taken, or not meant for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from contributions.errors import Invalid, NotAllowed
from contributions.models import Contribution, Event, Standing
from contributions.patches.status import LINK_LENGTH, REASON_LENGTH, is_link
from contributions.pipeline.upstreaming import COLUMNS, applied_columns, newest_that_has, told

from .pacing import pace
from .quarantining import refuse_in_quarantine
from .words import one_line

if TYPE_CHECKING:
    from contributions.models import Person

Placed = Contribution.UpstreamStatus
LINKED = {Placed.SUBMITTED, Placed.BACKPORT, Placed.APPLIED}


def place(*, person: Person, contribution: Contribution, status: str, link: str = "", reason: str = "") -> Contribution:
    """Set the upstream status; its author, its component's maintainers and staff may.

    Of what upstream has applied, the commit is what the portal found, unless a link is given. It is no withdrawal: what
    is published stays, and releases without it go on being served.
    """
    refuse_in_quarantine(person, contribution)
    if not contribution.may_be_placed_by(person):
        raise NotAllowed("Its author, maintainers and staff say what became of a patch upstream.")
    pace(person, Event.Verb.PLACED)
    columns = _columns(contribution, status, link, reason)
    with transaction.atomic():
        locked = Contribution.objects.select_for_update(of=("self",)).get(pk=contribution.pk)
        if any(getattr(locked, name) != columns[name] for name in COLUMNS):
            Contribution.objects.filter(pk=contribution.pk).update(**columns)
            contribution.refresh_from_db(fields=COLUMNS)
            Event.objects.write(Event.Verb.PLACED, actor=person, contribution=contribution, text=told(contribution))
            Standing.objects.recompute(contribution)
    return contribution


def _columns(contribution: Contribution, status: str, link: str, reason: str) -> dict[str, str]:
    if status not in Placed.values:
        raise Invalid("The status is one of " + ", ".join(Placed.values) + ".", field="status")
    link = one_line(link, most=LINK_LENGTH, what="The link", field="link", needed=False)
    reason = one_line(reason, most=REASON_LENGTH, what="The reason", field="reason", needed=False)
    if link and not is_link(link):
        raise Invalid("A link begins with https:// or http:// and holds no blanks.", field="link")
    if link and status not in LINKED:
        raise Invalid("Only what was sent or comes from upstream has a link.", field="link")
    if reason and status != Placed.INAPPROPRIATE:
        raise Invalid("A reason says why it is not for upstream: it goes with inappropriate alone.", field="reason")
    if status == Placed.SUBMITTED and not link:
        raise Invalid("Say where it was sent: the address of the change or the mail.", field="link")
    if status == Placed.INAPPROPRIATE and not reason:
        raise Invalid("Say in short why it is not for upstream.", field="reason")
    given = {"upstream_status": status, "upstream_link": link, "upstream_reason": reason, "upstream_commit": ""}
    found = newest_that_has(contribution) if status == Placed.APPLIED and not link else None
    return given | applied_columns(found) if found else given
