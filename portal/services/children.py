"""The child processes of a running site: started in sessions of their own, watched, started again, ended."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from portal.services.daemon import KEPT_LOG_BYTES
from portal.services.places import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

LONGEST_PAUSE_SECONDS = 30
SETTLED_AFTER_SECONDS = 60  # a child that lived so long starts again with the shortest pause


@dataclass
class Child:
    """One part of the site that is a process; `is_ready` tells whether it does its work yet."""

    name: str
    arguments: Sequence[str]
    log: Path
    is_ready: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=dict)
    without: Collection[str] = ()  # variables of ours that are none of its business
    process: subprocess.Popen[bytes] | None = None
    ready: bool = False
    deaths: int = 0
    started_at: float = 0.0
    starts_at: float = 0.0

    def start(self) -> int:
        """Start it and return its process id, which is its group's id too."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > KEPT_LOG_BYTES:
            self.log.replace(self.log.with_name(self.log.name + ".1"))
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.arguments,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={name: value for name, value in os.environ.items() if name not in self.without}
                | {**self.environment},
                cwd=CHECKOUT,
                start_new_session=True,
            )
        self.ready = False
        self.started_at = time.monotonic()
        return self.process.pid

    def has_died(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def bury(self) -> float:
        """Clear away what a dead child left running, and return the pause in seconds before the next start."""
        if time.monotonic() - self.started_at > SETTLED_AFTER_SECONDS:
            self.deaths = 0
        pause = min(2.0**self.deaths, LONGEST_PAUSE_SECONDS)
        self.deaths += 1
        self.kill()
        self.process = None
        self.ready = False
        self.starts_at = time.monotonic() + pause
        return pause

    def ask_to_end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def kill(self) -> None:
        """End its whole group at once."""
        if self.process is not None:
            kill_group(self.process.pid, signal.SIGKILL)
            self.process.wait()


def kill_group(group: int, number: int) -> bool:
    """Send a signal to a process group; False when nobody is left in it."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True
