"""What happened of late, told on the front page: a strip of counts and the newest lines."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from contributions.models import Event

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from contributions.models import Person

LINES = 12
DAY = timedelta(days=1)
MOST_COUNTED = 5000  # events of a day; beyond them a count says no more
Verb = Event.Verb
# Verbs that are counted, in one and in many, and where their things are listed.
COUNTED: dict[str, tuple[str, str, str]] = {
    Verb.RECEIVED: ("new revision", "new revisions", "/contributions/?order=newest"),
    Verb.APPROVED: ("approval", "approvals", "/contributions/?state=approved&order=active"),
    Verb.PUBLISHED: ("build published", "builds published", "/published/"),
    Verb.REPORTED: ("field report", "field reports", "/contributions/?order=active"),
    Verb.RELEASED: ("new release", "new releases", "/components/"),
    Verb.UNPUBLISHED: ("build withdrawn", "builds withdrawn", "/published/"),
    Verb.ADVISED: ("security advisory", "security advisories", "/advisories/"),
}
PHRASES: dict[str, str] = {
    Verb.RECEIVED: "was shared or revised",
    Verb.APPROVED: "was approved",
    Verb.PUBLISHED: "was published",
    Verb.UNPUBLISHED: "was taken out of the feed",
    Verb.WITHDRAWN: "was withdrawn",
    Verb.REPORTED: "was reported on",
    Verb.RELEASED: "got a release",
    Verb.ADVISED: "has a security advisory",
    Verb.UNADVISED: "has an advisory less",
}


@dataclass(frozen=True)
class Count:
    number: int
    words: str
    url: str


def counts_since_yesterday(person: Person | AnonymousUser) -> list[Count]:
    """What there was more than none of in the last 24 hours."""
    lately = Event.objects.news_for(person).filter(at__gte=timezone.now() - DAY)
    tally = Counter(lately.values_list("verb", flat=True)[:MOST_COUNTED])
    return [
        Count(tally[verb], one if tally[verb] == 1 else many, url)
        for verb, (one, many, url) in COUNTED.items()
        if tally[verb]
    ]


def lines(person: Person | AnonymousUser) -> list[dict[str, Any]]:
    """The newest lines, of each contribution the last one. Nobody is named."""
    events = Event.objects.news_for(person).select_related(
        "contribution", "component", "release", "revision", "advisory"
    )
    events = events.defer("revision__files", "revision__commits", "contribution__description")
    told: list[dict[str, Any]] = []
    seen: set[int | None] = set()
    for event in events[: LINES * 8]:
        if event.contribution_id is None or event.contribution_id not in seen:
            told.append({"event": event, "phrase": PHRASES[event.verb]})
            seen.add(event.contribution_id)
    return told[:LINES]
