"""How often one person may do a thing: counted in the history, so that every face and process sees the same count."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

from django.core.cache import cache
from django.db.models.functions import Now

from contributions.errors import TooMany
from contributions.models import Event

if TYPE_CHECKING:
    from contributions.models import Person

WINDOW = timedelta(minutes=1)
MOST_A_MINUTE = {
    Event.Verb.SUBMITTED: 30,
    Event.Verb.REVISED: 30,
    Event.Verb.VOTED: 60,
    Event.Verb.COMMENTED: 20,
    Event.Verb.EDITED: 20,
    Event.Verb.APPRAISED: 60,
    Event.Verb.REMARKED: 20,
    Event.Verb.REPORTED: 30,
    Event.Verb.REVIEWED: 60,
    Event.Verb.TOKEN_MADE: 10,
    Event.Verb.JOINED: 20,
    Event.Verb.FLAGGED: 10,
    Event.Verb.UNPUBLISHED: 60,  # one withdrawn contribution may have many publications
    Event.Verb.RULED: 30,
    Event.Verb.FETCHED: 30,
    Event.Verb.ADVISED: 10,
    Event.Verb.UNADVISED: 10,
    Event.Verb.HOOKED: 20,
    Event.Verb.UNMASKED: 60,  # whoever goes through a fork of many patches retitles and leaves out
}
USUALLY = 30


def pace(person: Person, verb: Event.Verb) -> None:
    """Raise TooMany when the person did this as often in the last minute as anyone may."""
    most = MOST_A_MINUTE.get(verb, USUALLY)
    done = Event.objects.filter(actor=person, verb=verb, at__gt=Now() - WINDOW).order_by()[:most].count()
    if done >= most:
        raise TooMany(
            f"You {verb.label} {most} times within a minute; that is the most. Wait a minute and try again.",
            retry_after=int(WINDOW.total_seconds()),
        )


def pace_looking(person: Person, did: str, *, most: int) -> None:
    """The same for what leaves no line in the history; `did` says it after “You”."""
    seconds = int(WINDOW.total_seconds())
    key = f"{did.replace(' ', '-')}-{person.pk}-{int(time.time()) // seconds}"
    cache.add(key, 0, 2 * seconds)
    try:
        done = cache.incr(key)
    except ValueError:  # the cache let go of it this very moment
        return
    if done > most:
        raise TooMany(
            f"You {did} {most} times within a minute; that is the most. Wait a minute and try again.",
            retry_after=seconds,
        )
