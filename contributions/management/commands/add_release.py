"""manage.py add_release COMPONENT NAME: a release of a tag or branch that the pattern does not choose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from contributions.actions.maintaining import add_release
from contributions.errors import Refusal
from contributions.models import Component, Release

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    help = "Add a release of a component; its contributions are judged on it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("component")
        parser.add_argument("name")
        parser.add_argument("--ref", default="", help="the tag or branch as upstream names it; NAME if not given")
        parser.add_argument("--kind", choices=Release.Kind.values, default=Release.Kind.TAG)

    def handle(self, *args: Any, **given: Any) -> None:
        component = Component.objects.filter(slug=given["component"]).first()
        if component is None:
            raise CommandError(f"There is no component {given['component']}.")
        try:
            release = add_release(
                component=component, name=given["name"], ref=given["ref"] or given["name"], kind=given["kind"]
            )
        except Refusal as refusal:
            raise CommandError(refusal.sentence) from None
        self.stdout.write(f"{release}: {release.commit}")
