"""Starting a server that outlives its starter, knowing when it is ready or dead, and ending it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from portal.services.errors import ServiceTrouble
from portal.services.places import last_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

QUIET_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C", "TZ": "UTC"}
KEPT_LOG_BYTES = 8 * 2**20


def launch(
    arguments: Sequence[str], *, log: Path, directory: Path, ready: Callable[[], bool], seconds: float = 60
) -> None:
    """Start a server in a session of its own and return once `ready()`; it is no child of ours afterwards.

    The server inherits the writing end of a pipe and never uses it: end-of-file on ours means that it is dead.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > KEPT_LOG_BYTES:
        log.replace(log.with_name(log.name + ".1"))
    alive, held = os.pipe()
    try:
        with log.open("ab") as output:
            subprocess.run(
                ["setsid", "--fork", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=directory,
                env=QUIET_ENVIRONMENT,
                pass_fds=[held],
                check=True,
            )
        os.close(held)
        held = -1
        _wait_until_ready(alive, ready, name=log.stem, log=log, seconds=seconds)
    except (OSError, subprocess.CalledProcessError) as problem:
        raise ServiceTrouble(f"{log.stem} cannot be started: {problem}") from problem
    finally:
        os.close(alive)
        if held >= 0:
            os.close(held)


def _wait_until_ready(alive: int, ready: Callable[[], bool], *, name: str, log: Path, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if ready():
            return
        if select.select([alive], [], [], 0.03)[0]:
            raise ServiceTrouble(f"{name} ended while it was starting. Its last words:\n{last_lines(log)}")
    raise ServiceTrouble(f"{name} was not ready after {seconds:.0f} s. Its last words:\n{last_lines(log)}")


def is_running(pid: int) -> bool:
    """Whether the process is there and no zombie that only waits to be reaped."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return fields.rpartition(")")[2].split()[0] not in {"Z", "X"}


def end(pids: Iterable[int], *, ask: signal.Signals, seconds: float = 8) -> None:
    """Ask the processes to end, and kill those that have not after `seconds`."""
    waiting = [pid for pid in pids if is_running(pid)]
    for number, patience in ((ask, seconds), (signal.SIGKILL, 2.0)):
        for pid in waiting:
            _signal(pid, number)
        deadline = time.monotonic() + patience
        while waiting and time.monotonic() < deadline:
            waiting = [pid for pid in waiting if is_running(pid)]
            time.sleep(0.02)
    if waiting:
        raise ServiceTrouble(f"Process {waiting[0]} cannot be ended.")


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
    except PermissionError:
        raise ServiceTrouble(f"Process {pid} belongs to another user, who must end it.") from None
