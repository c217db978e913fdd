"""`manage.py run`: the whole site in one terminal."""

from __future__ import annotations

import http.client
import io
import os
import platform
import socket
import sys
import time
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from django.utils import timezone

from portal.models import WorkerSeen
from portal.services.children import Child
from portal.services.errors import ServiceTrouble
from portal.services.supervisor import Service, Supervisor, site_lock
from portal.services.valkey import Valkey

if TYPE_CHECKING:
    from datetime import datetime

DATABASE_SECONDS = 60  # how long a database elsewhere may take to come up
COURIERS = 8  # threads that mostly wait for other people's servers, so that a slow one holds up no patch


class Command(BaseCommand):
    help = "Start database, broker, web, workers and beat, and keep them running until Ctrl-C."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        address = f"http://{settings.WEB_ADDRESS}:{settings.WEB_PORT}/"
        supervisor = Supervisor(settings.VAR_DIR, self.services(), say=self.say)
        try:
            with site_lock(settings.VAR_DIR, address) as lock:
                refuse_a_taken_port(settings.WEB_ADDRESS, settings.WEB_PORT)
                supervisor.listen_to_signals()
                supervisor.hire_keeper(lock)
                try:
                    self.run(supervisor)
                finally:
                    supervisor.stop()
        except ServiceTrouble as trouble:
            raise CommandError(str(trouble)) from None

    def services(self) -> dict[str, Service]:
        return embedded_services()

    def run(self, supervisor: Supervisor) -> None:
        supervisor.start_services()
        if settings.DATABASE_URL:
            wait_for_the_database()
            self.say("database", "ready", "from DATABASE_URL")
        if not settings.BROKER_IS_EMBEDDED:
            self.say("broker", "ready", "from CELERY_BROKER_URL")
        call_command("migrate", interactive=False, verbosity=0)
        self.say("migrations", "ready", "")
        call_command("keys", "make", stdout=io.StringIO())
        self.say("keys", "ready", str(settings.KEYS_DIR))
        call_command("collectstatic", interactive=False, verbosity=0)
        self.say("static", "ready", "")
        connection.close()
        supervisor.run(children())

    def say(self, name: str, state: str, detail: str) -> None:
        self.stdout.write(f"{name:<11} {state:<8} {detail}".rstrip())
        self.stdout.flush()


def embedded_services() -> dict[str, Service]:
    services: dict[str, Service] = {}
    if not settings.DATABASE_URL:
        services["database"] = settings.DATABASES["default"]["SERVER"]
    if settings.BROKER_IS_EMBEDDED:
        services["broker"] = Valkey(settings.VAR_DIR)
    return services


def children() -> list[Child]:
    log = settings.VAR_DIR / "log"
    web = [sys.executable, "-m", "gunicorn", "--config", "python:portal.gunicorn", "portal.wsgi"]
    beat = [*celery("beat"), "--scheduler", "celery.beat:Scheduler", "--pidfile="]
    return [
        Child("web", web, log / "web.log", web_answers, without=settings.KEY_VARIABLES),
        worker("worker", queues="receive,fit", processes=os.cpu_count() or 2),
        worker("courier", queues="deliver", processes=COURIERS, pool="threads"),
        worker("builder", queues="builds", processes=settings.BUILDS_AT_ONCE),
        worker("signer", queues="sign", processes=1, holds_keys=True),
        Child("beat", beat, log / "beat.log", lambda: True, without=settings.KEY_VARIABLES),
    ]


def celery(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "celery", "--app", "portal", *arguments]


def worker(name: str, *, queues: str, processes: int, pool: str = "prefork", holds_keys: bool = False) -> Child:
    """A worker for these queues. The signer alone is handed the keys that the environment has."""
    full_name = f"{name}@{platform.node() or 'here'}"
    started = timezone.now()
    arguments = ["--hostname", full_name, "--queues", queues, "--pool", pool, "--concurrency", str(processes)]
    return Child(
        name,
        celery("worker", *arguments, "--without-gossip", "--without-mingle", "--loglevel", "INFO"),
        settings.VAR_DIR / "log" / f"{name}.log",
        lambda: worker_was_seen(full_name, started),
        without=() if holds_keys else settings.KEY_VARIABLES,
        environment={"REMAP_SIGTERM": "SIGQUIT"},  # so that the end is a soft one with a limit in time
    )


def web_answers() -> bool:
    probe = http.client.HTTPConnection(settings.WEB_ADDRESS, settings.WEB_PORT, timeout=2)
    try:
        probe.request("GET", "/healthz", headers={"Host": settings.ALLOWED_HOSTS[0].lstrip(".*") or "localhost"})
        probe.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        probe.close()
    return True


def worker_was_seen(name: str, since: datetime) -> bool:
    try:
        return WorkerSeen.objects.filter(name=name, seen_at__gte=since).exists()
    except DatabaseError:
        return False
    finally:
        connection.close()


def refuse_a_taken_port(address: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as problem:
            raise ServiceTrouble(
                f"{address} port {port} cannot be used ({problem.strerror}); name another with PORT=…"
            ) from None


def wait_for_the_database() -> None:
    deadline = time.monotonic() + DATABASE_SECONDS
    while True:
        try:
            connection.ensure_connection()
        except DatabaseError as problem:
            if time.monotonic() > deadline:
                raise ServiceTrouble(f"The database does not answer: {problem}") from None
            time.sleep(1)
        else:
            return
