"""Git servers that the tests pull from: git's own daemon, git's own HTTP program, and servers that misbehave."""

from __future__ import annotations

import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from portal.services.gitd import GitDaemon

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def served(tmp_path: Path) -> Path:
    """The directory whose repositories the servers serve."""
    (tmp_path / "served").mkdir()
    return tmp_path / "served"


@pytest.fixture
def daemon(tmp_path: Path, served: Path) -> Iterator[GitDaemon]:
    daemon = GitDaemon(tmp_path / "var", served)
    daemon.ensure()
    yield daemon
    daemon.stop()
    assert not daemon.processes()


class Served(BaseHTTPRequestHandler):
    """What `git http-backend` says, as CGI wants it (RFC 3875). Requests are remembered."""

    root: Path
    seen: list[tuple[str, str | None]]

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def _serve(self, body: bytes) -> None:
        self.seen.append((self.path, self.headers.get("Authorization")))
        path, _, query = self.path.partition("?")
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "REMOTE_ADDR": "127.0.0.1",
        }
        # The repositories belong to the tests' user, whose home git cannot see here.
        command = ["git", "-c", "safe.directory=*", "http-backend"]
        ended = subprocess.run(command, input=body, capture_output=True, check=False, env=environment)
        head, _, content = ended.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if line)
        self.send_response(int(fields.pop("Status", "200").split()[0]))
        for name, value in {**fields, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        return


class Server:
    """An HTTP server on the loopback, in threads of this process."""

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def web(served: Path) -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    """The URL of git over HTTP, and the requests (path, Authorization) that it saw."""
    seen: list[tuple[str, str | None]] = []
    server = Server(type("ServedHere", (Served,), {"root": served, "seen": seen}))
    yield server.url, seen
    server.stop()


@pytest.fixture
def misbehaving() -> Iterator[Any]:
    """Start a server out of one function that answers each GET."""
    servers: list[Server] = []

    def start(answer: Any) -> str:
        def do_get(handler: BaseHTTPRequestHandler) -> None:
            answer(handler)

        def be_quiet(*_: Any) -> None:
            return

        servers.append(
            Server(type("Misbehaving", (BaseHTTPRequestHandler,), {"do_GET": do_get, "log_message": be_quiet}))
        )
        return servers[-1].url

    yield start
    for server in servers:
        server.stop()
