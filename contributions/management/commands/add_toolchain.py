"""manage.py add_toolchain NAME REQUIREMENT…: a read-only directory of build tools that recipes may name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from contributions.errors import Refusal, Trouble
from contributions.sandbox import make_toolchain, read_toolchain

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    help = "Prepare a toolchain on this worker with pip, once; an existing one is kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument(
            "requirements", nargs="+", metavar="REQUIREMENT", help="as pip takes them: setuptools==80.9.0"
        )

    def handle(self, *args: Any, **given: Any) -> None:
        name = given["name"]
        if not name.replace("-", "").replace(".", "").isalnum() or name.startswith("."):
            raise CommandError("A toolchain is named by letters, digits, dots and hyphens.")
        place = settings.TOOLCHAINS_DIR / name
        if kept := read_toolchain(place):
            if kept["requirements"] != given["requirements"]:
                raise CommandError(f"{name} is there with other requirements; give the new ones another name.")
            self.stdout.write(f"{name} is there already: {place}")
            return
        try:
            make_toolchain(place, given["requirements"])
        except (Refusal, Trouble) as error:
            raise CommandError(error.sentence) from None
        self.stdout.write(f"{name}: {place}")
