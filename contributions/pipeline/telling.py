"""Telling people of what happened: each line of the history once, whenever it was committed and whoever is killed.

A line waits as a `Telling`, written in the transaction that wrote the line. It goes in the transaction that tells, so
that nothing is told twice, and nothing is lost when that is undone.
"""

from __future__ import annotations

import logging
import re
from contextlib import suppress
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Exists, F, OuterRef

from contributions.errors import Invalid
from contributions.models import Event, Follow, Notification, Telling
from contributions.models.finding import found

from . import reading
from .notifying import appears, tell, who_may_hear

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.db.models import QuerySet

    from contributions.models import Contribution

log = logging.getLogger(__name__)

MOST = 500  # lines a round
Verb = Event.Verb
# What may bring a contribution that is no longer new into a search; only into one that asks for what changes.
CHANGING = {
    *(Verb.APPROVED, Verb.REVIEWED, Verb.PUBLISHED, Verb.REPORTED, Verb.TAGGED),
    *(Verb.FITTED, Verb.TAKEN, Verb.STRANDED, Verb.BUILT),
}
CHANGES = re.compile(r"\b(state|fits|conflicts|upstream|builds|has|is|tag|like):", re.IGNORECASE)
NAMES = (
    *("actor", "contribution__component", "revision", "release", "comment__parent", "advisory"),
    *("component", "stack", "organisation"),
)


def tell_waiting(most: int = MOST) -> int:
    """Tell of what nobody was told of, the oldest first; return how many lines."""
    told = 0
    while told < most and _tell_next():
        told += 1
    match_searches()
    return told


def _tell_next() -> bool:
    """Several may do this at once: each takes a line that nobody holds. False when there is none."""
    with transaction.atomic():
        rows = Telling.objects.filter(is_for_searches=False, attempts__lt=settings.ATTEMPTS)
        row = rows.select_for_update(skip_locked=True).order_by("attempts", "pk").first()
        if row is None:
            return False
        try:
            with transaction.atomic():
                _tell(row)
        except (OperationalError, InterfaceError):
            raise
        except Exception:  # one line that cannot be told must not hold up the rest
            log.exception("Nobody was told of event %s.", row.pk)
            Telling.objects.filter(pk=row.pk).update(attempts=F("attempts") + 1)
        return True


def _tell(row: Telling) -> None:
    event = (
        Event.objects.select_related(*NAMES)
        .defer("revision__files", "revision__commits", "revision__fingerprints")
        .get(pk=row.pk)
    )
    tell(event)
    if event.contribution and event.contribution.is_public and (event.verb in CHANGING or appears(event)):
        Telling.objects.filter(pk=row.pk).update(is_for_searches=True)
    else:
        row.delete()


def match_searches(most: int = MOST) -> None:
    """Hold what is new or changed against each search that somebody follows: one small query for the same words."""
    waiting = Telling.objects.filter(is_for_searches=True)
    for pk in set(waiting.order_by("pk").values_list("event__contribution", flat=True)[:most]):
        reading.read(pk)  # else it would not be found by its words yet
    with transaction.atomic():
        rows = waiting.select_for_update(skip_locked=True).order_by("pk")[:most]
        keys = [row.pk for row in rows]
        if not keys:
            return
        events = list(Event.objects.select_related("contribution").filter(pk__in=keys).order_by("pk"))
        follows = Follow.objects.hearing().exclude(search=None).filter(person__is_active=True)
        for query in follows.order_by("search__query").values_list("search__query", flat=True).distinct():
            _match(query, follows.filter(search__query=query), events)
        Telling.objects.filter(pk__in=keys).delete()


def _match(query: str, follows: QuerySet[Follow], events: Sequence[Event]) -> None:
    """Tell those who follow this search of what it finds now; all who saved the same words at once.

    What is told here everybody may see. Only a search that means its owner (`is:mine`) is asked for each of them.
    """
    asks_for_change = CHANGES.search(query)
    about = {event.contribution_id or 0: event for event in events if asks_for_change or event.verb not in CHANGING}
    try:
        _tell_matches(found(query, AnonymousUser()).filter(pk__in=about), follows, about)
    except Invalid:
        for follow in follows.select_related("person").order_by("pk"):
            with suppress(Invalid):  # the language has changed since it was saved; its page says so
                rows = found(query, follow.person).filter(pk__in=about)
                _tell_matches(rows, follows.filter(pk=follow.pk), about)


def _tell_matches(rows: QuerySet[Contribution], follows: QuerySet[Follow], about: Mapping[int, Event]) -> None:
    """A search tells of a contribution once, and never of one's own."""
    for pk, author in rows.order_by("pk").values_list("pk", "author"):
        told = Notification.objects.filter(person=OuterRef("person"), follow=OuterRef("pk"), contribution=pk)
        new = follows.filter(~Exists(told)).exclude(person=author)
        Notification.objects.tell(about[pk], Notification.Why.SEARCH, who_may_hear(about[pk], new))


def begin_again() -> int:
    """Try once more what could not be told; return how many lines."""
    return Telling.objects.filter(attempts__gt=0).update(attempts=0)
