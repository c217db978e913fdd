"""manage.py set_rules COMPONENT: what a component asks before it approves."""

from __future__ import annotations

from argparse import BooleanOptionalAction
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from contributions.actions.ruling import set_rules
from contributions.errors import Refusal
from contributions.models import Component

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    help = "Change the rules of a component that are named, and show all of them; docs/rules.md explains each."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("component")
        add_rules(parser)

    def handle(self, *args: Any, **given: Any) -> None:
        component = Component.objects.filter(slug=given["component"]).first()
        if component is None:
            raise CommandError(f"There is no component {given['component']}.")
        try:
            component = set_rules(person=None, component=component, rules=rules_in(given))
        except Refusal as refusal:
            raise CommandError(refusal.sentence) from None
        self.stdout.write("\n".join(f"- {sentence}" for sentence in component.rules.sentences()))


def add_rules(parser: ArgumentParser) -> None:
    """One option for each rule; a rule that is not named stays as it is."""
    add = parser.add_argument
    add("--approvals", dest="approvals_needed", type=int, help="how many maintainers must approve")
    add("--executable-approvals", dest="executable_approvals_needed", type=int, help="the same for an executable")
    add("--cool-down-days", type=int, help="how long a newcomer's work waits; 0 for not at all")
    add("--green-build", dest="green_build_needed", action=BooleanOptionalAction, help="ask for a passed build")
    add("--sign-off", dest="sign_off_needed", action=BooleanOptionalAction, help="ask for Signed-off-by (DCO)")
    add("--accept-licence", dest="accepted_licences", action="append", metavar="SPDX", help="may be given repeatedly")


def rules_in(given: dict[str, Any]) -> dict[str, Any]:
    return {name: given[name] for name in Component.RULES if given.get(name) is not None}
