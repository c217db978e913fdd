"""A git server for repositories on this machine: git's own daemon on the loopback, for the demo and for tests."""

from __future__ import annotations

import shutil
import signal
import socket
from pathlib import Path

from portal.services.daemon import end, launch
from portal.services.errors import ServiceTrouble
from portal.services.places import alone, living_in, private_directory

HOST = "127.0.0.1"
DAEMONS = (Path("/usr/lib/git-core/git-daemon"), Path("/usr/libexec/git-core/git-daemon"))


class GitDaemon:
    """Serves the bare repositories in `repositories` read-only; its own files lie in `var`/gitd.

    The port is chosen once and kept, so that addresses hold when the daemon is started again.
    """

    def __init__(self, var: Path, repositories: Path) -> None:
        self.data = var.resolve() / "gitd"
        self.log = var.resolve() / "log" / "gitd.log"
        self.repositories = repositories.resolve()
        self._lock = var.resolve() / "gitd.lock"

    @property
    def port(self) -> int:
        """Raises ServiceTrouble if it was never started."""
        try:
            return int((self.data / "port").read_text())
        except (OSError, ValueError) as problem:
            raise ServiceTrouble("The git daemon has no port yet; it was never started.") from problem

    def url(self, name: str) -> str:
        return f"git://{HOST}:{self.port}/{name}"

    def listens(self) -> bool:
        with socket.socket() as client:
            return client.connect_ex((HOST, self.port)) == 0

    def ensure(self) -> None:
        """Return with the daemon running."""
        if not any(daemon.exists() for daemon in DAEMONS):
            raise ServiceTrouble("git has no daemon here; install the system's whole git package.")
        with alone(self._lock):
            if living_in(self.data) and self.listens():
                return
            self.repositories.mkdir(parents=True, exist_ok=True)
            private_directory(self.data)
            if not (self.data / "port").exists() or self.listens():
                (self.data / "port").write_text(f"{_free_port()}\n")
            launch(self._command(), log=self.log, directory=self.data, ready=self.listens)

    def stop(self) -> None:
        if self.data.exists():
            with alone(self._lock):
                end(living_in(self.data), ask=signal.SIGTERM)

    def processes(self) -> list[int]:
        return living_in(self.data)

    def _command(self) -> list[str]:
        git = shutil.which("git")
        if git is None:
            raise ServiceTrouble("There is no git on this machine.")
        served = str(self.repositories)
        options = ["--export-all", "--reuseaddr", "--timeout=60", "--init-timeout=10", "--max-connections=32"]
        return [git, "daemon", *options, f"--listen={HOST}", f"--port={self.port}", f"--base-path={served}", served]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
