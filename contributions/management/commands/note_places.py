"""manage.py note_places: write down anew where contributions touch their components, from the diffs that are kept."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from contributions.pipeline.placing import note_again


class Command(BaseCommand):
    help = "Write down anew which lines and folders contributions touch; needed once after an upgrade from before that."

    def handle(self, *args: Any, **options: Any) -> None:
        del args, options
        self.stdout.write(f"Noted the places of {note_again():,} contributions.")
