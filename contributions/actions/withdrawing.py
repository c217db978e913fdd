"""Taking something back: a contribution by its author, a publication out of the feed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from contributions.errors import NotAllowed
from contributions.models import Contribution, Event, Publication, Standing
from contributions.pipeline.notifying import announce, recall
from contributions.tasks import ring_for_news

from .pacing import pace
from .words import prose

if TYPE_CHECKING:
    from contributions.models import Person


def withdraw(*, person: Person, contribution: Contribution, reason: str) -> Contribution:
    """End a contribution and take all its publications out of the feed."""
    if not contribution.may_be_withdrawn_by(person):
        raise NotAllowed("Only its author or staff can withdraw a contribution, and only once.")
    pace(person, Event.Verb.WITHDRAWN)
    reason = _reason(reason)
    with transaction.atomic():
        Contribution.objects.select_for_update(of=("self",)).get(pk=contribution.pk)
        contribution.move(Contribution.State.WITHDRAWN)
        event = Event.objects.write(Event.Verb.WITHDRAWN, actor=person, contribution=contribution, text=reason)
        for publication in Publication.objects.live().filter(revision__contribution=contribution).order_by("pk"):
            take_out(publication, person, reason)
        recall(event)
        ring_for_news()
        Standing.objects.recompute(contribution)
    return contribution


def withdraw_publication(*, person: Person, publication: Publication, reason: str) -> Publication:
    """Take one build out of pip's choice; the feed tells of it, the page stays with the reason."""
    if not publication.may_be_withdrawn_by(person):
        raise NotAllowed("Only its author, a maintainer or staff can withdraw a publication, and only once.")
    pace(person, Event.Verb.UNPUBLISHED)
    reason = _reason(reason)
    with transaction.atomic():
        Contribution.objects.select_for_update(of=("self",)).get(pk=publication.revision.contribution_id)
        event = take_out(publication, person, reason)
        recall(event)
        ring_for_news()
    return publication


def _reason(text: str) -> str:
    return prose(text, most=settings.MAX_TEXT_BYTES, what="The reason", field="reason", needed=True)


def take_out(publication: Publication, person: Person, reason: str) -> Event:
    """The move itself, in a transaction that holds the contribution's lock; the feed's listeners are told."""
    publication.move(Publication.State.WITHDRAWN, withdrawn_at=Now(), withdrawn_by=person, reason=reason)
    event = Event.objects.write(
        Event.Verb.UNPUBLISHED,
        actor=person,
        contribution=publication.revision.contribution,
        revision=publication.revision,
        release=publication.release,
        publication=publication,
        text=reason,
    )
    announce(event)
    return event
