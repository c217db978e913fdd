"""Atom of what was published and taken back, and of security advisories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed, Enclosure
from django.views.decorators.http import condition, require_safe

from contributions.keeping import kept
from contributions.models import Advisory, Event, Publication
from contributions.models.build import repetitions_of, uploads_of

from .entries import ENTRIES, plain

if TYPE_CHECKING:
    from django.http import HttpRequest

WORDS: dict[str, str] = {
    Event.Verb.PUBLISHED: "Published",
    Event.Verb.UNPUBLISHED: "Withdrawn",
    Event.Verb.HELD: "Held back",
    Event.Verb.FREED: "Given back",
    Event.Verb.ADVISED: "Advisory",
    Event.Verb.UNADVISED: "Advisory withdrawn",
}


def _newest(request: HttpRequest) -> str:
    """The feed changes when an event is added, hidden or shown again."""
    return f'"{Event.objects.of_the_feed().mark()}-{Event.objects.newest_likeness().first()}-{request.get_host()}"'


@require_safe
@kept
@condition(etag_func=_newest)
def atom(request: HttpRequest) -> HttpResponse:
    """The newest publications and withdrawals."""
    site = request.build_absolute_uri("/")
    feed = Atom1Feed(
        title="Approved builds",
        link=site,
        description="What was approved and built, and what was withdrawn.",
        feed_url=request.build_absolute_uri(),
        subtitle="What was approved and built, and what was withdrawn.",
    )
    events = Event.objects.of_the_feed().newest_first().select_related(
        "publication__release__component", "publication__build", "publication__revision__contribution__author",
        "publication__revision__contribution__organisation",
        "advisory__component", "advisory__author",
    )  # fmt: skip
    events = events.defer(
        "publication__revision__files", "publication__revision__commits", "publication__revision__fingerprints"
    )
    events = events.prefetch_related(
        "publication__build__artifacts__blob",
        uploads_of("publication__revision__"),
        repetitions_of("publication__build__"),
    )
    for event in events[:ENTRIES]:
        if event.publication is not None:
            feed.add_item(**_entry(request, event, event.publication))
        elif event.advisory is not None:
            feed.add_item(**_advised(request, event, event.advisory))
    return HttpResponse(feed.writeString("utf-8"), content_type="application/atom+xml; charset=utf-8")


@require_safe
def advisories(request: HttpRequest) -> HttpResponse:
    """The newest security advisories, those that were withdrawn among them."""
    feed = Atom1Feed(
        title="Security advisories",
        link=request.build_absolute_uri(reverse("advisories")),
        description="What turned out to be harmful, and what mends it.",
        feed_url=request.build_absolute_uri(),
    )
    for advisory in Advisory.objects.select_related("component", "author").newest_first()[:ENTRIES]:
        link = request.build_absolute_uri(advisory.get_absolute_url())
        withdrawn = f" Withdrawn: {advisory.reason}" if advisory.withdrawn_at else ""
        feed.add_item(
            title=plain(f"{'Withdrawn: ' if withdrawn else ''}{advisory}"),
            link=link,
            unique_id=link,
            description=plain(f"{advisory.get_severity_display()} severity.{withdrawn} {advisory.description}"),
            author_name=plain(str(advisory.author)),
            pubdate=advisory.published_at,
            updateddate=advisory.withdrawn_at or advisory.published_at,
            categories=[advisory.component.slug, advisory.severity],
        )
    return HttpResponse(feed.writeString("utf-8"), content_type="application/atom+xml; charset=utf-8")


def _advised(request: HttpRequest, event: Event, advisory: Advisory) -> dict[str, Any]:
    link = request.build_absolute_uri(advisory.get_absolute_url())
    word = WORDS[event.verb]
    return {
        "title": plain(f"{word}: {advisory}"),
        "link": link,
        "unique_id": f"{link}#event-{event.pk}",
        "description": plain(f"{advisory.get_severity_display()} severity. {event.text}"),
        "author_name": plain(str(advisory.author)),
        "pubdate": event.at,
        "updateddate": event.at,
        "categories": [advisory.component.slug, advisory.severity, word.lower()],
    }


def _entry(request: HttpRequest, event: Event, publication: Publication) -> dict[str, Any]:
    contribution = publication.revision.contribution
    link = request.build_absolute_uri(publication.get_absolute_url())
    is_news, word = event.verb in {Event.Verb.PUBLISHED, Event.Verb.FREED}, WORDS[event.verb]
    title = "In quarantine" if contribution.is_quarantined else contribution.title
    text = f"{publication.revision.label} of #{contribution.pk} by {contribution.author} for {publication.release}."
    text += f" {publication.origin[:1].upper()}{publication.origin[1:]}{_likeness(publication)}."
    files = publication.artifacts if is_news else []
    return {
        "title": plain(f"{word}: {title} ({publication.release})"),
        "link": link,
        "unique_id": f"{link}#event-{event.pk}",
        "description": plain(text if is_news else f"{text} Reason: {event.text}"),
        "author_name": plain(str(contribution.author)),
        "pubdate": event.at,
        "updateddate": event.at,
        "categories": [publication.release.component.slug, publication.release.slug, word.lower()],
        "enclosures": [
            Enclosure(request.build_absolute_uri(file.get_absolute_url()), str(file.size), "application/octet-stream")
            for file in files
        ],
    }


def _likeness(publication: Publication) -> str:
    told = publication.build.is_reproducible if publication.build else None
    return "" if told is None else ", and reproducible" if told else ", and not reproducible"
