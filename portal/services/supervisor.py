"""Keeping the whole site running: services first, then the processes, each told of in one line, until asked to end."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Protocol

from portal.services.daemon import is_running
from portal.services.errors import ServiceTrouble
from portal.services.places import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from types import FrameType

    from portal.services.children import Child

TICK_SECONDS = 0.2
SERVICE_CHECK_SECONDS = 2.0
STOP_SECONDS = 6.5  # for the children; what is left of ten seconds is the services'
ORDER_SECONDS = 15.0  # how long the next child waits for the one before it
LOCK_SECONDS = 10.0  # how long a killed site's keeper may need to tidy up


class Service(Protocol):
    """An embedded server."""

    def listens(self) -> bool: ...
    def ensure(self) -> None: ...
    def stop(self) -> None: ...


class AlreadyRunning(ServiceTrouble):
    """Another process keeps this site running."""


def note_of(var: Path) -> dict[str, object] | None:
    """What the running site wrote about itself (its `pid` and `address`), or None when none runs."""
    path = var / "run.lock"
    try:
        with path.open("r") as file:
            if _locked(file, fcntl.LOCK_SH | fcntl.LOCK_NB):
                return None
            note = json.loads(file.read() or "{}")
    except (FileNotFoundError, ValueError):
        return None
    return note if isinstance(note, dict) else None


@contextmanager
def site_lock(var: Path, address: str) -> Iterator[IO[str]]:
    """Be the one process that keeps the site below `var` running."""
    var.mkdir(parents=True, exist_ok=True)
    with (var / "run.lock").open("a+") as file:
        deadline = time.monotonic() + LOCK_SECONDS
        while not _locked(file, fcntl.LOCK_EX | fcntl.LOCK_NB):
            _refuse_a_second(file, given_up=time.monotonic() > deadline)
            time.sleep(TICK_SECONDS)
        file.truncate(0)
        file.write(json.dumps({"pid": os.getpid(), "address": address}))
        file.flush()
        yield file


def _locked(file: IO[str], how: int) -> bool:
    try:
        fcntl.flock(file, how)
    except BlockingIOError:
        return False
    return True


def _refuse_a_second(file: IO[str], *, given_up: bool) -> None:
    file.seek(0)
    try:
        note = json.loads(file.read())
    except ValueError:
        note = {}
    pid = int(note.get("pid", 0))
    if given_up or (pid and is_running(pid)):
        raise AlreadyRunning(
            f"Patchbay already runs here (process {pid}, {note.get('address', 'no address')}); "
            "`manage.py stop` ends it."
        )


class Supervisor:
    """Runs `services` and `children` until a signal asks it to end; `say(name, state, detail)` shows what happens."""

    def __init__(self, var: Path, services: Mapping[str, Service], *, say: Callable[[str, str, str], None]) -> None:
        self._var = var
        self._services = services
        self._say = say
        self._children: list[Child] = []
        self._keeper: subprocess.Popen[str] | None = None
        self._asked_to_end = False
        self._services_checked_at = 0.0

    def listen_to_signals(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._end_soon)

    def _end_soon(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._asked_to_end = True

    @property
    def asked_to_end(self) -> bool:
        return self._asked_to_end

    def hire_keeper(self, lock: IO[str]) -> None:
        """Start the process that tidies up if this one is killed."""
        self._keeper = subprocess.Popen(
            [sys.executable, "-m", "portal.services.keeper", str(self._var), ",".join(self._services)],
            stdin=subprocess.PIPE,
            text=True,
            cwd=CHECKOUT,
            start_new_session=True,
            pass_fds=[lock.fileno()],
        )

    def start_services(self) -> None:
        for name, service in self._services.items():
            service.ensure()
            self._say(name, "ready", "")

    def run(self, children: Sequence[Child]) -> None:
        """Start the children in order, keep them all running, return when asked to end."""
        self._services_checked_at = time.monotonic()
        for child in children:
            self._children.append(child)
            self._start(child)
            deadline = time.monotonic() + ORDER_SECONDS
            while not (child.ready or self._asked_to_end or time.monotonic() > deadline):
                self._tick()
        while not self._asked_to_end:
            self._tick()

    def _tick(self) -> None:
        time.sleep(TICK_SECONDS)
        self._mend_services()
        for child in self._children:
            if child.has_died():
                self._mourn(child)
            elif child.process is None and time.monotonic() >= child.starts_at:
                self._start(child)
            elif child.process is not None and not child.ready and child.is_ready():
                child.ready = True
                self._say(child.name, "ready", f"process {child.process.pid}")

    def _mend_services(self) -> None:
        if time.monotonic() - self._services_checked_at < SERVICE_CHECK_SECONDS:
            return
        for name, service in self._services.items():
            if not service.listens():
                self._say(name, "down", "starting it again")
                try:
                    service.ensure()
                except ServiceTrouble as trouble:
                    self._say(name, "down", str(trouble))
                else:
                    self._say(name, "ready", "")
        self._services_checked_at = time.monotonic()

    def _start(self, child: Child) -> None:
        self._tell_keeper(f"+{child.start()}")

    def _mourn(self, child: Child) -> None:
        assert child.process is not None  # noqa: S101 - has_died() said so
        group, code = child.process.pid, child.process.returncode
        pause = child.bury()
        self._tell_keeper(f"-{group}")
        how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
        self._say(child.name, "down", f"{how}; starts again in {pause:.0f} s; see {child.log}")

    def stop(self) -> None:
        """End children and services; takes less than ten seconds."""
        for child in reversed(self._children):
            child.ask_to_end()
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline and not all(c.process is None or c.has_died() for c in self._children):
            time.sleep(0.05)
        for child in reversed(self._children):
            child.kill()
            self._say(child.name, "stopped", "")
        for name, service in reversed(list(self._services.items())):
            service.stop()
            self._say(name, "stopped", "")
        self._dismiss_keeper()

    def _tell_keeper(self, word: str) -> None:
        if self._keeper is not None and self._keeper.stdin is not None:
            self._keeper.stdin.write(word + "\n")
            self._keeper.stdin.flush()

    def _dismiss_keeper(self) -> None:
        if self._keeper is not None:
            self._keeper.communicate("done\n")
