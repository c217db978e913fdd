"""manage.py set_traits COMPONENT: what field reports on it tell of where it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from contributions.actions.vocabulary import set_traits, traits_in
from contributions.errors import Refusal
from contributions.models import Component

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    help = 'Make these the traits of a component, such as "Hypervisor: kvm, xen"; without any, show what it has.'

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("component")
        parser.add_argument("trait", nargs="*", help='a name, a colon, and the choices with commas: "Scale: 10, 100"')
        parser.add_argument("--none", action="store_true", help="take all of them away")

    def handle(self, *args: Any, **given: Any) -> None:
        component = Component.objects.filter(slug=given["component"]).first()
        if component is None:
            raise CommandError(f"There is no component {given['component']}.")
        if given["trait"] or given["none"]:
            try:
                set_traits(person=None, component=component, traits=traits_in("\n".join(given["trait"])))
            except Refusal as refusal:
                raise CommandError(refusal.sentence) from None
        traits = [f"- {trait.name}: {', '.join(trait.choices)}" for trait in component.traits.all()]
        self.stdout.write("\n".join(traits) or "It has none.")
