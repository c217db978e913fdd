"""manage.py add_toolchain NAME REQUIREMENT…: a read-only directory of build tools that recipes may name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from contributions.errors import Refusal, Trouble
from contributions.sandbox import digest_of_archive, make_root_toolchain, make_toolchain, read_toolchain

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    help = "Prepare a toolchain on this worker with pip, once; an existing one is kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument(
            "--root", type=Path, metavar="ARCHIVE", help="a tar of another system, in place of the host's"
        )
        parser.add_argument(
            "requirements", nargs="*", metavar="REQUIREMENT", help="as pip takes them: setuptools==80.9.0"
        )

    def handle(self, *args: Any, **given: Any) -> None:
        name = given["name"]
        if not name.replace("-", "").replace(".", "").isalnum() or name.startswith("."):
            raise CommandError("A toolchain is named by letters, digits, dots and hyphens.")
        place = settings.TOOLCHAINS_DIR / name
        if bool(given["root"]) == bool(given["requirements"]):
            raise CommandError("A toolchain is made of requirements or of a --root, which brings its own tools.")
        if given["root"]:
            self.add_root(name, place, given["root"])
            return
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

    def add_root(self, name: str, place: Path, archive: Path) -> None:
        if not archive.is_file():
            raise CommandError(f"{archive} is no file.")
        kept = read_toolchain(place)
        if kept and kept.get("root") != digest_of_archive(archive):
            raise CommandError(f"{name} is there with other contents; give the new ones another name.")
        try:
            if not kept:
                make_root_toolchain(place, archive)
        except Trouble as trouble:
            raise CommandError(trouble.sentence) from None
        self.stdout.write(f"{name}{' is there already' if kept else ''}: {place}")
