"""`manage.py demo`: the site with a real platform in it."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import CommandError
from django.db import connection

from demo import plan
from demo.ending import last_words
from demo.progress import Progress, StepFailed
from demo.story import Story
from portal.management.commands.run import Command as Run
from portal.services.gitd import GitDaemon

if TYPE_CHECKING:
    from portal.services.supervisor import Service, Supervisor

PLATFORMS = {"": ["python-swiftclient"], "full": ["python-swiftclient", "swift"]}


class Command(Run):
    help = "Run the site with a real platform in it. PORT=8000, DEMO=full adds swift, EXIT=1 stops after the scenario."

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.HTTPS:
            raise CommandError("The demo makes accounts that may do everything; it has no place on a site in the open.")
        # The platform's git server is on the loopback, where no site in the open may pull from.
        os.environ["PATCHBAY_ALLOW_PRIVATE_UPSTREAMS"] = "1"
        # Its people get no mail about the tokens that are made for them here; web and workers write as ever.
        settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
        room = settings.VAR_DIR / "demo"
        room.mkdir(parents=True, exist_ok=True)
        self.server = GitDaemon(settings.VAR_DIR, room / "git")
        self.story = Story(
            [plan.platform(name) for name in PLATFORMS[os.environ.get("DEMO", "")]],
            room=room,
            site=f"http://{settings.WEB_ADDRESS}:{settings.WEB_PORT}",
            server=self.server,
            progress=Progress(self.show),
        )
        self.stops_at_the_end = os.environ.get("EXIT") == "1"
        self.failure = "The scenario was stopped before its end." if self.stops_at_the_end else ""
        super().handle(*args, **options)
        if self.failure:
            raise CommandError(self.failure)

    def services(self) -> dict[str, Service]:
        return {**super().services(), "git": self.server}

    def run(self, supervisor: Supervisor) -> None:
        """The site in this thread, which gets the signals; the scenario beside it."""
        threading.Thread(target=self.tell, args=[supervisor], daemon=True).start()
        super().run(supervisor)

    def tell(self, supervisor: Supervisor) -> None:
        try:
            self.story.tell()
            self.show(last_words(self.story))
            self.failure = ""
        except StepFailed as failure:
            if not supervisor.asked_to_end:
                self.failure = str(failure)
        finally:
            connection.close()
        if self.failure or self.stops_at_the_end:
            os.kill(os.getpid(), signal.SIGTERM)

    def show(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
