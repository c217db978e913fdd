"""Whom an event is told: the feed's listeners, and of a recall all whose organisation touched what is recalled."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db.models import Q

from contributions.models import (
    Delivery,
    Event,
    Letter,
    Membership,
    Person,
    Publication,
    Revision,
    Webhook,
)
from contributions.models.hearing import hearers_of_publication, hearers_of_revisions

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from contributions.models import Advisory, Contribution, Organisation

Verb = Event.Verb
WORDS: dict[str, str] = {
    Verb.PUBLISHED: "published",
    Verb.UNPUBLISHED: "withdrawn",
    Verb.HELD: "held",
    Verb.FREED: "freed",
    Verb.ADVISED: "advised",
    Verb.UNADVISED: "unadvised",
    Verb.WITHDRAWN: "contribution-withdrawn",
    Verb.QUARANTINED: "contribution-quarantined",
    Verb.RESTORED: "contribution-restored",
    Verb.HOOKED: "webhook-disabled",
}


def announce(event: Event) -> None:
    """Queue the event for every webhook that listens to the feed, in the caller's transaction."""
    _queue_deliveries(event, Webhook.objects.hearing(Webhook.Topic.FEED))


def recall(event: Event) -> None:
    """Queue a letter or a delivery for all whom the recall concerns, in the caller's transaction; twice is once."""
    hearers = hearers_of(event)
    Letter.objects.queue_for("person", _readers(hearers), event=event)
    _queue_deliveries(event, Webhook.objects.hearing(Webhook.Topic.RECALLS).filter(organisation__in=hearers))


def tell_owners(event: Event, organisation: Organisation) -> None:
    """Queue a letter for each owner of the organisation, whatever mail they asked for: it is about their own doing."""
    owners = organisation.memberships.filter(role=Membership.Role.OWNER, person__is_active=True).exclude(
        person__email=""
    )
    Letter.objects.queue_for("person", owners.order_by("person").values("person"), event=event)


def _queue_deliveries(event: Event, webhooks: QuerySet[Webhook]) -> None:
    if webhooks.exists():
        word, body = WORDS[event.verb], json.dumps(news_of(event), ensure_ascii=False)
        Delivery.objects.queue_for("webhook", webhooks.order_by("pk").values("pk"), event=event, word=word, body=body)


def _readers(organisations: QuerySet[Organisation]) -> QuerySet[Any, Any]:
    mail, owner = Person.RecallMail, Q(role=Membership.Role.OWNER)
    wanted = Q(person__recall_mail=mail.ALL) | Q(person__recall_mail=mail.OWNED) & owner
    reached = Membership.objects.filter(wanted, organisation__in=organisations, person__is_active=True)
    return reached.exclude(person__email="").order_by("person").values("person").distinct()


def hearers_of(event: Event) -> QuerySet[Organisation]:
    """The organisations that a recall concerns."""
    if event.advisory is not None:
        return hearers_of_revisions(event.advisory.affected.all())
    if event.publication is not None:
        return hearers_of_publication(event.publication)
    return hearers_of_revisions(Revision.objects.filter(contribution=event.contribution_id))


def news_of(event: Event) -> dict[str, Any]:
    """The event as webhooks and letters tell it; every address is whole."""
    contribution, advisory = event.contribution, event.advisory
    hidden = contribution is not None and contribution.is_quarantined
    return {
        "id": event.pk,
        "event": WORDS[event.verb],
        "at": event.at.isoformat(),
        "site": settings.SITE_URL,
        "reason": event.text,
        "component": event.component.slug if event.component else None,
        "contribution": contribution.pk if contribution else None,
        "title": None if contribution is None or hidden else contribution.title,
        "page": address_of(advisory or event.publication or contribution),
        "publications": [_publication(row) for row in _publications(event, advisory, contribution)],
        "advisory": _advisory(advisory) if advisory else None,
    }


def address_of(thing: Any) -> str:
    return f"{settings.SITE_URL}{thing.get_absolute_url()}" if thing is not None else settings.SITE_URL


def _publications(event: Event, advisory: Advisory | None, contribution: Contribution | None) -> QuerySet[Publication]:
    rows = Publication.objects.select_related("release", "revision__contribution", "build").order_by("pk")
    rows = rows.prefetch_related("build__artifacts__blob", "revision__artifacts__blob")
    if advisory is not None:
        return rows.filter(revision__in=advisory.affected.all())
    if event.publication_id is not None:
        return rows.filter(pk=event.publication_id)
    return rows.filter(revision__contribution=contribution)


def _publication(row: Publication) -> dict[str, Any]:
    files = [
        {"name": file.name, "sha256": file.sha256, "size": file.size, "url": address_of(file)} for file in row.artifacts
    ]
    return {
        "id": row.pk,
        "state": row.state,
        "contribution": row.revision.contribution_id,
        "revision": row.revision.number,
        "release": row.release.name,
        "build": row.build_id,
        "page": address_of(row),
        "artifacts": files,
    }


def _advisory(advisory: Advisory) -> dict[str, Any]:
    return {
        "number": advisory.pk,
        "id": advisory.identifier,
        "title": advisory.title,
        "severity": advisory.severity,
        "alias": advisory.alias,
        "page": address_of(advisory),
        "affected": [_revision(row) for row in advisory.affected.order_by("pk")],
        "fixed": [_revision(row) for row in advisory.fixed.order_by("pk")],
    }


def _revision(row: Revision) -> dict[str, int]:
    return {"contribution": row.contribution_id, "revision": row.number}
