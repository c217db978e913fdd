from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from contributions.models import Blob
from contributions.pipeline import checking, retaining

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    help = "See whether the rows of stored files and the files agree (check), or let go of what nobody needs (sweep)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("verb", choices=["check", "sweep"])
        parser.add_argument("--quick", action="store_true", help="check names and sizes, read no bytes")

    def handle(self, *args: Any, **given: Any) -> None:
        if given["verb"] == "sweep":
            self.sweep()
        else:
            self.check_all(quick=given["quick"])

    def check_all(self, *, quick: bool) -> None:
        """Exit code 1 when anything is wrong."""
        count = 0
        for count, sentence in enumerate(checking.problems(digests=not quick), 1):  # noqa: B007 - counted on purpose
            self.stdout.write(sentence)
        if count:
            raise CommandError(f"{count} of the stored files and their rows do not agree.")
        self.stdout.write(f"All {Blob.objects.count():,} stored files are as their rows say.")

    def sweep(self) -> None:
        swept = retaining.sweep()
        self.stdout.write(
            f"Let go of the logs and files of {swept.builds:,} old builds, of {swept.fetches:,} old fetches, "
            f"of {swept.settlements:,} settlements that nobody went on with, "
            f"of {swept.blobs:,} files that nothing names ({swept.bytes:,} bytes), "
            f"and of {swept.strays:,} files without a row."
        )
