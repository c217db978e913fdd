"""What somebody says of themself: a name, a few words, and the zone in which times are told to them."""

from __future__ import annotations

import zoneinfo
from typing import TYPE_CHECKING

from contributions.errors import Invalid
from contributions.models import Event, Person

from .pacing import pace
from .words import one_line, prose

if TYPE_CHECKING:
    from collections.abc import Callable

NAME_LENGTH, ABOUT_LENGTH = 100, 500


def introduce(
    *, person: Person, name: str | None = None, about: str | None = None, time_zone: str | None = None
) -> Person:
    """Change what is given; "" empties it. The name of the account itself stays."""
    pace(person, Event.Verb.INTRODUCED)
    checks: dict[str, tuple[str | None, Callable[[str], str]]] = {
        "name": (name, lambda given: one_line(given, most=NAME_LENGTH, what="The name", field="name", needed=False)),
        "about": (about, _about),
        "time_zone": (time_zone, _zone),
    }
    changed = {field: check(given) for field, (given, check) in checks.items() if given is not None}
    if changed:
        Person.objects.filter(pk=person.pk).update(**changed)
        Event.objects.write(Event.Verb.INTRODUCED, actor=person, subject=person)
    person.refresh_from_db()
    return person


def _about(given: str) -> str:
    return prose(given, most=ABOUT_LENGTH, what="The text", field="about")


def _zone(given: str) -> str:
    if given and given not in zoneinfo.available_timezones():
        raise Invalid("Name a zone such as Europe/Berlin, or none.", field="time_zone")
    return given
