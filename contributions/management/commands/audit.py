from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from contributions.models import Event, Seal
from contributions.pipeline import sealing

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    help = "Check that the history is as it was sealed; names the first line that was changed, removed or put in."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", choices=["check"])

    def handle(self, *args: Any, **options: Any) -> None:
        fault = sealing.first_fault()
        if fault:
            raise CommandError(fault)
        newest = Seal.objects.order_by("-last").first()
        waiting = Event.objects.filter(pk__gt=newest.last if newest else 0).count()
        seals = Seal.objects.count()
        self.stdout.write(f"The history is as it was sealed: {seals} seals, {waiting} lines not sealed yet.")
        if newest:
            self.stdout.write(f"Newest seal: to line {newest.last}, {newest.digest}")
