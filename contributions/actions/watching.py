"""How upstream is watched: which of its names become releases, and how often it is pulled; said by its maintainers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import transaction

from contributions.errors import Clash, Invalid, NotAllowed, TooLarge
from contributions.models import Component, Event
from contributions.pipeline.finding_releases import MOST_NEW
from contributions.pipeline.foreseeing import foresee

from .maintaining import fetch_upstream
from .pacing import pace, pace_looking
from .ruling import changed, refuse_others

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contributions.models import Person
    from contributions.pipeline.foreseeing import Foresight

LEAST_MINUTES = 5  # between pulls by the clock: upstream's server is somebody else's
MOST_LOOKS = 60  # a minute
PATTERNS = ("release_pattern", "candidate_pattern")


def set_watching(*, person: Person, component: Component, watching: Mapping[str, Any], seen: str = "") -> Component:
    """Change what is named, and pull upstream if its names are read otherwise now. What is a release stays one.

    `seen` is the digest of what the person looked at; raises Clash when it is otherwise by now.
    """
    refuse_others(person, component)
    pace(person, Event.Verb.RULED)
    if strangers := sorted(set(watching) - set(Component.WATCHING)):
        raise Invalid(f"There is no {strangers[0]!r} here; there are {', '.join(Component.WATCHING)}.")
    with transaction.atomic():
        component = Component.objects.select_for_update(no_key=True).get(pk=component.pk)
        if seen not in {"", component.watching_digest}:
            raise Clash("Somebody changed this meanwhile. Look at it, then decide again.")
        before = _told(component)
        for name, value in watching.items():
            setattr(component, name, value)
        _refuse_unusable(component, before)
        component.save(update_fields=Component.WATCHING)
        if changes := changed(before, _told(component)):
            Event.objects.write(Event.Verb.RULED, actor=person, component=component, text=changes)
        if any(before[name] != getattr(component, name) for name in PATTERNS):
            fetch_upstream(component=component)
    return component


def look_ahead(
    *, person: Person, component: Component, release_pattern: str, candidate_pattern: str
) -> Foresight | None:
    """What patterns would make of upstream's names; None while these are not known. Nothing is changed."""
    if not component.may_be_kept_by(person):
        raise NotAllowed("Only maintainers and staff say what becomes a release.")
    pace_looking(person, "tried patterns", most=MOST_LOOKS)
    return foresee(component, release_pattern=release_pattern, candidate_pattern=candidate_pattern)


def _told(component: Component) -> dict[str, Any]:
    return {name: getattr(component, name) for name in Component.WATCHING}


def _refuse_unusable(component: Component, before: Mapping[str, Any]) -> None:
    try:
        component.clean_fields(exclude={field.name for field in Component._meta.fields} - set(Component.WATCHING))
        component.check_patterns()
    except ValidationError as error:
        field, sentences = next(iter(error.message_dict.items()))
        raise Invalid(sentences[0], field=field) from None
    minutes = component.watch_minutes
    if 0 < minutes < LEAST_MINUTES and minutes != before["watch_minutes"]:
        raise Invalid(f"Pull it every {LEAST_MINUTES} minutes or less often; 0 is never.", field="watch_minutes")
    if any(before[name] != getattr(component, name) for name in PATTERNS):
        _refuse_floods(component)


def _refuse_floods(component: Component) -> None:
    """Every patch meets every release: a pattern that was meant otherwise would keep the builders busy for days."""
    patterns = {name: getattr(component, name) for name in PATTERNS}
    foresight = foresee(component, **patterns)
    if foresight is not None and foresight.new > MOST_NEW:
        raise TooLarge(
            f"It would make {foresight.new:,} new releases; {MOST_NEW} at once are the most. Narrow the pattern.",
            field="release_pattern",
        )
