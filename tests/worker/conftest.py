"""A real worker, beat and broker as processes of their own, on the tests' database."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlencode

import psutil
import pytest
from django.conf import settings as django_settings
from django.db import connection
from kombu import pools

from portal.celery import app
from portal.services.valkey import Valkey
from tests.platform import _kept_apart, author, component, recipe, upstream  # noqa: F401 - fixtures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

T = TypeVar("T")
PATIENCE = 60.0  # seconds that a loaded machine may take for what should take one or two


def wait_for(ask: Callable[[], T], what: str, seconds: float = PATIENCE) -> T:
    """Ask until the answer is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := ask():
            return answer
        time.sleep(0.1)
    pytest.fail(f"Waited {seconds} seconds in vain for {what}.")


@dataclass
class Crew:
    """The processes beside the test; each is started with the test's own settings."""

    environment: dict[str, str]
    valkey: Valkey
    log: Path
    within: tuple[str, ...] = ()
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = [*self.within, sys.executable, "-m", "celery", "--app", "portal", *arguments]
        with self.log.open("ab") as log:
            process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log, start_new_session=True)
        self.running.append(process)
        return process

    def start_worker(self) -> subprocess.Popen[bytes]:
        queues = ",".join(django_settings.WORK_QUEUES)
        quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "INFO")
        return self.start("worker", "--queues", queues, "--concurrency", "1", *quiet)

    def start_beat(self) -> subprocess.Popen[bytes]:
        return self.start("beat", "--scheduler", "celery.beat:Scheduler", "--pidfile=", "--loglevel", "INFO")

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """Kill -9 of the worker and all that it started, as when a machine goes."""
        family = [process.pid, *(child.pid for child in psutil.Process(process.pid).children(recursive=True))]
        for pid in family:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait(10)

    def end(self) -> None:
        for process in self.running:
            if process.poll() is None:
                self.kill(process)
        self.valkey.stop()


def database_url() -> str:
    """The test database as a URL for another process."""
    given = connection.settings_dict
    server = given.get("SERVER")
    address = given | (server.address if server else {})
    parts = {"host": address["HOST"], "port": address["PORT"], "user": address["USER"], "password": given["PASSWORD"]}
    query = {name: str(value) for name, value in parts.items() if value}
    return f"postgresql:///{quote(given['NAME'])}?{urlencode(query)}"


def forget_broker(valkey: Valkey) -> None:
    """Stop the broker, drop what it holds, and let this process connect to it anew."""
    valkey.stop()
    shutil.rmtree(valkey.data, ignore_errors=True)
    pools.reset()
    app._after_fork()  # noqa: SLF001 - Celery has no public way to forget its own connection pool


@pytest.fixture
def crew(request: pytest.FixtureRequest, tmp_path: Path, settings: Any) -> Iterator[Crew]:
    """A fresh broker where the test's own process expects it, and the means to start workers."""
    request.getfixturevalue("_kept_apart")
    valkey = Valkey(django_settings.VAR_DIR)
    forget_broker(valkey)
    valkey.ensure()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PATCHBAY_")} | {
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "DATABASE_URL": database_url(),
        "CELERY_BROKER_URL": valkey.url,
        "PATCHBAY_VAR": str(tmp_path),
        "PATCHBAY_FILES": str(django_settings.MEDIA_ROOT),
        "PATCHBAY_ALLOW_PRIVATE_UPSTREAMS": "1",
        "PATCHBAY_LEASE_SECONDS": "4",
        "PATCHBAY_LEASE_RENEW_SECONDS": "1",
        "PATCHBAY_SWEEP_SECONDS": "1",
    }
    settings.LEASE_SECONDS, settings.LEASE_RENEW_SECONDS = 4, 1
    crew = Crew(environment, valkey, tmp_path / "crew.log")
    try:
        yield crew
    finally:
        crew.end()
        forget_broker(valkey)
        print(crew.log.read_text()[-8000:] if crew.log.exists() else "")  # noqa: T201 - shown when a test fails
