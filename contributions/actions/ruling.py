"""What a component asks of contributions: changed by its maintainers and staff, and never in silence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from contributions.errors import Clash, Invalid, NotAllowed
from contributions.models import Component, Event
from contributions.pipeline.settling import settle_later
from contributions.rules import moment
from contributions.tasks import ring_for_settling

from .pacing import pace

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from contributions.models import Person

NOTED = (*Component.RULES, "licence")  # what decides over approvals; the licence is for staff to say


def set_rules(*, person: Person | None, component: Component, rules: Mapping[str, Any], seen: str = "") -> Component:
    """Change the named rules. What is open is looked at anew in the background; what is approved stays approved.

    `person` is None for the operator at the machine. `seen` is the digest of the rules that the person looked at;
    raises Clash when they are others by now.
    """
    if person is not None:
        refuse_others(person, component)
        pace(person, Event.Verb.RULED)
    if strangers := sorted(set(rules) - set(Component.RULES)):
        raise Invalid(f"There is no rule {strangers[0]!r}; there are {', '.join(Component.RULES)}.", field=strangers[0])
    with transaction.atomic():
        component = Component.objects.select_for_update(no_key=True).get(pk=component.pk)  # events may go on naming it
        before = noted(component)
        if seen not in {"", component.rules_digest}:
            raise Clash("Somebody changed the rules meanwhile. Look at them, then decide again.")
        for name, value in rules.items():
            setattr(component, name, value)
        _refuse_invalid(component, set(rules))
        component.save(update_fields=Component.RULES)
        note_rules(component, before, actor=person)
    return component


def noted(component: Component) -> dict[str, Any]:
    return {name: getattr(component, name) for name in NOTED}


def note_rules(component: Component, before: Mapping[str, Any], *, actor: Person | None = None) -> None:
    """Write down what is other than `before`, and have all that is open on the component looked at anew."""
    if changes := changed(before, noted(component)):
        write_down(component, changes, actor=actor)


def changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """What is other than before, in a sentence each; empty if nothing is."""
    lines = [f"{_label(name)}: {_told(before[name])} → {_told(now[name])}" for name in now if before[name] != now[name]]
    return ". ".join(lines) + "." if lines else ""


def note_maintainers(component: Component, before: Collection[Person], *, actor: Person | None = None) -> None:
    """Write down who maintains it now and did not, and who did; only a maintainer's approval counts."""
    now = set(component.maintainers.all())
    came = sorted(f"{person.username} maintains it" for person in now - set(before))
    gone = sorted(f"{person.username} maintains it no more" for person in set(before) - now)
    if came or gone:
        write_down(component, ", ".join(came + gone) + ".", actor=actor)


def write_down(component: Component, text: str, *, actor: Person | None = None, **things: Any) -> None:
    """A line of the component's history that says how its rules, its people or its releases changed."""
    with transaction.atomic():
        Event.objects.write(Event.Verb.RULED, actor=actor, component=component, text=text, **things)
        settle_later(component)
        ring_for_settling(component)


def refuse_others(person: Person, component: Component) -> None:
    """Who stole a maintainer's account must not open the door to everything else with it."""
    if not component.may_be_kept_by(person):
        raise NotAllowed("Only maintainers and staff say what the rules of a component are.")
    changed = person.changed_hands_at
    until = changed and changed + component.rules.cool_down
    if until and until > timezone.now():
        raise NotAllowed(
            f"Your account may have changed hands, so it changes no rules before {moment(until)}. "
            "Another maintainer or staff can."
        )


def _refuse_invalid(component: Component, fields: set[str]) -> None:
    try:
        component.clean_fields(exclude={field.name for field in Component._meta.fields} - fields)
    except ValidationError as error:
        field, sentences = next(iter(error.message_dict.items()))
        raise Invalid(f"{_label(field)}: {sentences[0]}", field=field) from None


def _label(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _told(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return (", ".join(value) if isinstance(value, list) else str(value)) or "none"
