"""A maintainer's verdict. Approval is bound to the content that was looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from contributions.errors import Clash, Invalid, NotAllowed
from contributions.models import Contribution, Event, Review, Standing, is_colleague
from contributions.models.porting import is_outdated, ports_of
from contributions.pipeline.settling import settle
from contributions.tasks import ring_for_publishing

from .pacing import pace
from .quarantining import refuse_in_quarantine
from .rendering import rendered
from .words import prose

if TYPE_CHECKING:
    from contributions.models import Person, Revision

Verdict = Review.Verdict


def review(
    *, reviewer: Person, contribution: Contribution, verdict: str, message: str = "", revision: int | None = None
) -> Review:
    """Approve, request changes or reject the current revision; `revision` is the number that was looked at.

    That of a port is about the port alone: whether it may be published on its release.

    A rejection or a request for changes stands until its maker or other content takes it away. When nobody is against
    it and all the component's rules are met, the contribution is approved and its passed builds are published.
    """
    refuse_in_quarantine(reviewer, contribution)
    if not contribution.may_be_reviewed_by(reviewer):
        raise NotAllowed("Only maintainers of the component review, never their own work, and not what is withdrawn.")
    if verdict not in Verdict.values:
        raise Invalid("The verdict is one of " + ", ".join(Verdict.values) + ".", field="verdict")
    pace(reviewer, Event.Verb.REVIEWED)
    message = prose(message, most=settings.MAX_TEXT_BYTES, what="The message", field="message")
    if verdict != Verdict.APPROVE and not message:
        raise Invalid("Say why, so that the author can act on it.", field="message")
    html = rendered(message)
    with transaction.atomic():
        locked = Contribution.objects.select_for_update(of=("self",)).get(pk=contribution.pk)
        if locked.is_or_was_by(reviewer):
            raise Clash("You became its author meanwhile.")
        seen = _port(locked, revision) or _as_seen(locked, revision)
        if seen.is_port and seen.submitted_by_id == reviewer.pk:
            raise NotAllowed("You sent this port: another maintainer looks at it.")
        made, _ = Review.objects.update_or_create(
            revision=seen,
            reviewer=reviewer,
            defaults={
                "verdict": verdict,
                "message": message,
                "html": html,
                "reviewed_at": timezone.now(),
                "is_colleague": is_colleague(reviewer, locked),
            },
        )
        Event.objects.write(
            Event.Verb.REVIEWED, actor=reviewer, contribution=contribution, revision=seen, text=str(verdict)
        )
        if settle(locked, actor=reviewer):
            ring_for_publishing(contribution)
        Standing.objects.recompute(contribution)
    return made


def _port(contribution: Contribution, number: int | None) -> Revision | None:
    """The port of that number, if that is what was looked at. Raises Clash for one that is outdated."""
    found: Revision | None = ports_of(contribution).filter(number=number or 0).first()
    if found is not None and is_outdated(found, contribution.current):
        raise Clash(f"{found.label} is a port of what is no longer current.")
    return found


def _as_seen(contribution: Contribution, number: int | None) -> Revision:
    current = contribution.current
    if current is None:
        raise Clash("There is no received revision to review yet.")
    if number is not None and number != current.number:
        raise Clash(f"v{current.number} came after the v{number} that you looked at. Look at it, then decide again.")
    return current
