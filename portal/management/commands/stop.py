"""`manage.py stop`: nothing of the site runs afterwards."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from portal.management.commands.run import embedded_services
from portal.services.errors import ServiceTrouble
from portal.services.supervisor import note_of

PATIENCE_SECONDS = 15


class Command(BaseCommand):
    help = "End the running site and the embedded services of this checkout."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            end_the_run()
            for service in reversed(embedded_services().values()):
                service.stop()
        except ServiceTrouble as trouble:
            raise CommandError(str(trouble)) from None
        self.stdout.write("Nothing runs here now.")


def end_the_run() -> None:
    note = note_of(settings.VAR_DIR)
    if note is None:
        return
    pid = int(str(note.get("pid", 0)))
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:  # it was killed, and its keeper is tidying up
        pass
    except PermissionError:
        raise ServiceTrouble(f"The site was started by another user (process {pid}).") from None
    deadline = time.monotonic() + PATIENCE_SECONDS
    while note_of(settings.VAR_DIR) is not None:
        if time.monotonic() > deadline:
            raise ServiceTrouble(f"The site did not end within {PATIENCE_SECONDS} s (process {pid}).")
        time.sleep(0.1)
