"""manage.py set_recipe COMPONENT FILE.toml: how a component is built from now on."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from contributions.actions.maintaining import set_recipe
from contributions.errors import Refusal
from contributions.models import Component

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    help = "Set a component's recipe from a TOML file; docs/recipes.md tells what it may hold."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("component")
        parser.add_argument("file", type=Path, metavar="FILE.toml")

    def handle(self, *args: Any, **given: Any) -> None:
        component = Component.objects.filter(slug=given["component"]).first()
        if component is None:
            raise CommandError(f"There is no component {given['component']}.")
        try:
            recipe = set_recipe(component=component, recipe=tomllib.loads(given["file"].read_text()))
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise CommandError(f"{given['file']} cannot be read as TOML: {error}") from None
        except Refusal as refusal:
            raise CommandError(refusal.sentence) from None
        self.stdout.write(f"{component.slug}: recipe {recipe.digest[:12]}")
