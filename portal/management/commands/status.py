"""`manage.py status`: what of the site runs."""

from __future__ import annotations

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from portal.health import further_words
from portal.management.commands.run import embedded_services
from portal.services.supervisor import note_of

NOT_RUNNING = 3  # as a service's status script answers


class Command(BaseCommand):
    help = "Tell what of the site runs; exit code 3 when it does not."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        for name, service in embedded_services().items():
            self.stdout.write(f"{name:<11} {'running' if service.listens() else 'stopped'}")
        note = note_of(settings.VAR_DIR)
        if note is None:
            self.stdout.write(f"{'site':<11} stopped")
            sys.exit(NOT_RUNNING)
        self.stdout.write(f"{'site':<11} running  {note.get('address')} (process {note.get('pid')})")
        for name, word in further_words().items():
            self.stdout.write(f"{name:<11} {word}")
