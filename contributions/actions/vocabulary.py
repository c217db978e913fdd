"""What reports on a component tell of where it runs: its traits, kept by maintainers and staff."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils.text import slugify

from contributions.errors import Invalid, NotAllowed, TooLarge
from contributions.models import Component, Environment, Event, Trait
from contributions.plaintext import clean

from .pacing import pace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from contributions.models import Organisation, Person

MOST_TRAITS, MOST_CHOICES = 8, 16
NAME_LENGTH, SLUG_LENGTH, CHOICE_LENGTH = 60, 40, 40


@dataclass(frozen=True)
class Wanted:
    """A trait as it is asked for: its name and what it can be."""

    name: str
    choices: tuple[str, ...]

    @property
    def slug(self) -> str:
        return slugify(self.name)[:SLUG_LENGTH].strip("-")

    def __str__(self) -> str:
        return f"{self.name}: {', '.join(self.choices)}"


def traits_in(text: str) -> list[Wanted]:
    """Read one trait a line, as in `Hypervisor: kvm, xen`; raises Invalid."""
    return [_trait_in(line) for line in clean(text).splitlines() if line.strip()]


def _trait_in(line: str) -> Wanted:
    name, colon, choices = line.partition(":")
    if not colon:
        raise Invalid(f"“{line.strip()[:60]}” has no colon: write it as Hypervisor: kvm, xen.", field="traits")
    return Wanted(_word(name), tuple(dict.fromkeys(_word(choice) for choice in choices.split(",") if choice.strip())))


def _word(text: str) -> str:
    return " ".join(clean(text).split())


def set_traits(*, person: Person | None, component: Component, traits: Sequence[Wanted]) -> list[Trait]:
    """Make these the component's traits, in this order; what was reported with others keeps what it says.

    `person` is None for the operator at the machine.
    """
    if person is not None:
        if not component.may_be_kept_by(person):
            raise NotAllowed("Only maintainers and staff say what reports on a component tell.")
        pace(person, Event.Verb.RULED)
    _refuse_unusable(traits)
    with transaction.atomic():
        component = Component.objects.select_for_update(no_key=True).get(pk=component.pk)
        before = [str(Wanted(trait.name, tuple(trait.choices))) for trait in component.traits.all()]
        component.traits.exclude(slug__in=[trait.slug for trait in traits]).delete()
        made = [_kept(component, position, trait) for position, trait in enumerate(traits)]
        now = [str(trait) for trait in traits]
        if now != before:
            text = f"What reports tell: {'; '.join(before) or 'nothing'} → {'; '.join(now) or 'nothing'}."
            Event.objects.write(Event.Verb.RULED, actor=person, component=component, text=text)
    return made


def _kept(component: Component, position: int, wanted: Wanted) -> Trait:
    values = {"name": wanted.name, "choices": list(wanted.choices), "position": position}
    made, _ = Trait.objects.update_or_create(component=component, slug=wanted.slug, defaults=values)
    return made


def _refuse_unusable(traits: Sequence[Wanted]) -> None:
    if len(traits) > MOST_TRAITS:
        raise TooLarge(
            f"{len(traits)} traits are more than anybody fills in; {MOST_TRAITS} is the most.", field="traits"
        )
    for trait in traits:
        if not trait.slug or len(trait.name) > NAME_LENGTH:
            raise Invalid(f"A trait has a name with letters, of at most {NAME_LENGTH}.", field="traits")
        if not 1 < len(trait.choices) <= MOST_CHOICES:
            raise Invalid(f"{trait.name} needs from 2 to {MOST_CHOICES} choices, with commas between.", field="traits")
        if long := next((choice for choice in trait.choices if len(choice) > CHOICE_LENGTH), ""):
            raise Invalid(f"“{long[:60]}” has more than {CHOICE_LENGTH} letters.", field="traits")
    if len({trait.slug for trait in traits}) < len(traits):
        raise Invalid("Two traits have the same name.", field="traits")


def set_environment(
    *, person: Person, organisation: Organisation, component: Component, traits: Mapping[str, str]
) -> Environment:
    """Say what the organisation runs the component on; its members may, and only they and staff see it."""
    if not organisation.memberships.filter(person=person).exists():
        raise NotAllowed("Only its members say what an organisation runs.")
    kept = chosen(component, traits)
    pace(person, Event.Verb.RUNS)
    with transaction.atomic():
        place: dict[str, Any] = {"organisation": organisation, "component": component}
        made, _ = Environment.objects.update_or_create(**place, defaults={"traits": kept})
        text = ", ".join(f"{slug}: {choice}" for slug, choice in kept.items()) or "nothing told"
        Event.objects.write(Event.Verb.RUNS, actor=person, text=text, **place)
    return made


def chosen(component: Component, given: Mapping[str, str]) -> dict[str, str]:
    """What was chosen of the component's traits, by their slugs; nothing for a trait is left out. Raises Invalid."""
    traits = {trait.slug: trait for trait in component.traits.all()}
    kept = {}
    for slug, choice in given.items():
        if slug not in traits:
            known = ", ".join(traits) or "none"
            raise Invalid(f"{component.name} has no trait “{slug[:60]}”; it has {known}.", field="traits")
        if choice and choice not in traits[slug].choices:
            options = ", ".join(traits[slug].choices)
            raise Invalid(f"{traits[slug].name} is one of {options}, not “{choice[:60]}”.", field="traits")
        if choice:
            kept[slug] = choice
    return kept
