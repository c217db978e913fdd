"""Keeping a contribution, or one publication, out of everybody's sight while staff look at it; and giving it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from contributions.errors import Clash, NotAllowed
from contributions.models import Contribution, Event, Publication, Stack
from contributions.pipeline.notifying import announce, recall
from contributions.tasks import ring_for_news, ring_for_publishing

from .withdrawing import take_out
from .words import prose

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from contributions.models import Person

State = Publication.State
WITHDRAWN_MEANWHILE = "Its contribution was withdrawn while this was in quarantine."


def quarantine(*, person: Person, contribution: Contribution, reason: str) -> Contribution:
    """Hide it from all but staff, its author and its maintainers, and hold what is live of it back from the feed."""
    reason = _asked(person, reason)
    with transaction.atomic():
        rows = _locked(contribution.pk)
        if not rows.filter(quarantined_at=None).update(quarantined_at=Now()):
            raise Clash("It is in quarantine already.")
        contribution.refresh_from_db()
        event = Event.objects.write(Event.Verb.QUARANTINED, actor=person, contribution=contribution, text=reason)
        for publication in _of(contribution).filter(state=State.LIVE):
            _hold(publication, person, reason)
        _warn_carriers(contribution)
        _recall(event)
    return contribution


def _warn_carriers(contribution: Contribution) -> None:
    """Who has it in a stack may know of it no more: they are told its number alone, neither why nor by whom."""
    stacks = Stack.objects.filter(picks__contribution=contribution, archived_at=None).select_related("component")
    for stack in stacks.order_by("pk"):
        Event.objects.write(Event.Verb.WITHHELD, stack=stack, component=stack.component, text=f"#{contribution.pk}")


def restore(*, person: Person, contribution: Contribution, reason: str) -> Contribution:
    """Show it again as it was, and give back to the feed what its quarantine held back."""
    reason = _asked(person, reason)
    with transaction.atomic():
        rows = _locked(contribution.pk)
        since = rows.values_list("quarantined_at", flat=True).get()
        if since is None:
            raise Clash("It is not in quarantine.")
        rows.update(quarantined_at=None)
        contribution.refresh_from_db()
        event = Event.objects.write(Event.Verb.RESTORED, actor=person, contribution=contribution, text=reason)
        for publication in _of(contribution).filter(state=State.QUARANTINED, withdrawn_at__gte=since):
            _free(publication, person, reason)
        _recall(event)
        ring_for_publishing(contribution)  # what was built or approved meanwhile
    return contribution


def quarantine_publication(*, person: Person, publication: Publication, reason: str) -> Publication:
    """Hold one publication back from the feed and its files from everybody's hands; the contribution stays in sight."""
    reason = _asked(person, reason)
    with transaction.atomic():
        _locked(publication.revision.contribution_id)
        _recall(_hold(publication, person, reason))
    return publication


def restore_publication(*, person: Person, publication: Publication, reason: str) -> Publication:
    reason = _asked(person, reason)
    with transaction.atomic():
        if _locked(publication.revision.contribution_id).exclude(quarantined_at=None).exists():
            raise Clash("Its contribution is in quarantine: restore that first.")
        _recall(_free(publication, person, reason))
    return publication


def refuse_in_quarantine(person: Person, contribution: Contribution) -> None:
    """Raise Clash while the contribution is a draft, or in quarantine for all but staff: it is not to be added to."""
    if contribution.is_draft:
        raise Clash("It is a draft: nothing can be added to it until its author makes it public.")
    if contribution.is_quarantined and not person.is_staff:
        raise Clash("It is in quarantine: nothing can be added to it until staff have looked at it.")


def _asked(person: Person, reason: str) -> str:
    if not person.is_staff:
        raise NotAllowed("Only staff put things in quarantine and take them out.")
    return prose(reason, most=settings.MAX_TEXT_BYTES, what="The reason", field="reason", needed=True)


def _locked(pk: int) -> QuerySet[Contribution]:
    """The contribution's row, which nobody else changes or publishes from until this transaction ends."""
    rows = Contribution.objects.filter(pk=pk)
    rows.select_for_update(of=("self",)).get()
    return rows


def _of(contribution: Contribution) -> QuerySet[Publication]:
    rows = Publication.objects.filter(revision__contribution=contribution).order_by("pk")
    return rows.select_related("release", "revision__contribution__component")


def _hold(publication: Publication, person: Person, reason: str) -> Event:
    publication.move(State.QUARANTINED, withdrawn_at=Now(), withdrawn_by=person, reason=reason)
    return _told(Event.Verb.HELD, publication, person, reason)


def _free(publication: Publication, person: Person, reason: str) -> Event:
    contribution = publication.revision.contribution
    contribution.refresh_from_db(fields=["state"])
    if contribution.is_withdrawn:
        return take_out(publication, person, WITHDRAWN_MEANWHILE)
    publication.move(State.LIVE, withdrawn_at=None, withdrawn_by=None, reason="")
    return _told(Event.Verb.FREED, publication, person, reason)


def _told(verb: Event.Verb, publication: Publication, person: Person, reason: str) -> Event:
    event = Event.objects.write(
        verb,
        actor=person,
        contribution=publication.revision.contribution,
        revision=publication.revision,
        release=publication.release,
        publication=publication,
        text=reason,
    )
    announce(event)
    return event


def _recall(event: Event) -> None:
    recall(event)
    ring_for_news()
