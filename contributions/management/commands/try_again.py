"""manage.py try_again: begin again what the portal gave up on through its own fault, once that is mended."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from contributions.tasks import begin_again


class Command(BaseCommand):
    help = "Queue everything that ended as errored (a full disk, a lost worker) once more."

    def handle(self, *args: Any, **options: Any) -> None:
        for noun, count in begin_again().items():
            self.stdout.write(f"{noun}: {count}")
