"""The one way out of a job that may use the network: a proxy of the worker's, for that job alone, to named hosts.

The jail has a network of its own, where nothing else is. Our program in it listens on its loopback and hands the
listening socket out through a door, before any of the recipe runs; each connection is then accepted here, outside.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from contributions import addresses
from contributions.sandbox.jobs import MEGABYTE
from contributions.sandbox.requests import BadRequest, Request, read_request
from contributions.sandbox.ways import Refused, Way, find_way

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from contributions.sandbox.jobs import Job, Network

# Connections at once; more of them wait in the kernel's queue.
_MOST_CONNECTIONS = 32
_MOST_LINES = 500
_LONGEST_HEAD = 32 * 1024
_HEAD_SECONDS = 10.0
_CONNECT_SECONDS = 10.0
_LISTEN_TICK = 0.2
_READ = 1 << 16


@contextlib.contextmanager
def proxy_for(job: Job, look_up: addresses.LookUp = addresses.look_up) -> Iterator[Proxy | None]:
    """The proxy of a job that may use the network, for the block; nothing of it is left afterwards."""
    if job.network is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="patchbay-door-") as directory:
        ledger = Ledger(job.limits.network_mb * MEGABYTE)
        proxy = Proxy(job.network, ledger, Path(directory, "door"), look_up)
        try:
            yield proxy
        finally:
            proxy.close()


@dataclass
class Ledger:
    """What is told in the log, each thing once, and how much has passed."""

    most_bytes: int
    passed: int = 0
    _waiting: list[str] = field(default_factory=list)
    _told: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def tell(self, line: str) -> None:
        with self._lock:
            if line not in self._told and len(self._told) < _MOST_LINES:
                self._told.add(line)
                self._waiting.append(line)

    def take(self) -> bytes:
        with self._lock:
            lines, self._waiting = self._waiting, []
        return "".join(f"network: {line}\n" for line in lines).encode()

    def count(self, size: int) -> bool:
        """Whether that much more may pass."""
        with self._lock:
            self.passed += size
            return not self.is_spent

    @property
    def is_spent(self) -> bool:
        return self.passed > self.most_bytes


class Proxy:
    """Serves one jail from threads of its own; `door` is the socket by which the jail hands its listener over."""

    def __init__(self, network: Network, ledger: Ledger, door: Path, look_up: addresses.LookUp) -> None:
        self.door = door
        self._network = network
        self._ledger = ledger
        self._look_up = look_up
        self._over = threading.Event()
        self._slots = threading.Semaphore(_MOST_CONNECTIONS)
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._ways: dict[tuple[str, int], Way] = {}
        self._entrance = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._entrance.bind(os.fspath(door))
        door.chmod(0o666)  # the directory around it is ours alone
        self._entrance.listen(1)
        self._thread = threading.Thread(target=self._serve_all, name="proxy", daemon=True)
        self._thread.start()

    def news(self) -> bytes:
        """Lines for the log that were not taken yet."""
        return self._ledger.take()

    @property
    def is_spent(self) -> bool:
        return self._ledger.is_spent

    def close(self) -> None:
        """End every connection; a thread that still asks for a name ends with the answer."""
        self._over.set()
        with self._lock:
            for end in self._open:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    def _serve_all(self) -> None:
        with self._entrance:
            handed = self._next(self._entrance)
        listener = handed and _receive_listener(handed)
        if not listener:
            return
        with listener:
            while self._slots.acquire() and (client := self._next(listener)):
                threading.Thread(target=self._serve, args=[client], name="proxied", daemon=True).start()

    def _next(self, listener: socket.socket) -> socket.socket | None:
        """The next connection; None when the job is over."""
        listener.settimeout(_LISTEN_TICK)
        while not self._over.is_set():
            with contextlib.suppress(OSError):
                return listener.accept()[0]
        return None

    def _serve(self, client: socket.socket) -> None:
        try:
            with contextlib.suppress(OSError, BadRequest), self._followed(client):
                self._answer(client)
        finally:
            self._slots.release()

    @contextlib.contextmanager
    def _followed(self, end: socket.socket) -> Iterator[socket.socket]:
        """`end` is closed after the block, and ended when the job is."""
        with end:
            with self._lock:
                self._open.add(end)
            try:
                if self._over.is_set():
                    raise OSError("The job is over.")
                yield end
            finally:
                with self._lock:
                    self._open.discard(end)

    def _answer(self, client: socket.socket) -> None:
        client.settimeout(_HEAD_SECONDS)
        try:
            request = read_request(_read_head(client))
        except BadRequest as fault:
            return _say(client, 400, "Bad Request", str(fault))
        try:
            way = self._way(request)
        except Refused as refusal:
            self._ledger.tell(f"{request.place} was refused: {refusal}")
            return _say(client, 403, "Forbidden", f"{request.place} was refused: {refusal}")
        return self._connect(client, request, way)

    def _way(self, request: Request) -> Way:
        """Looked for once for each host of a job, so that a name cannot lead elsewhere the second time."""
        known = self._ways.get((request.host, request.port))
        return known or self._ways.setdefault(
            (request.host, request.port), find_way(self._network, request.host, request.port, self._look_up)
        )

    def _connect(self, client: socket.socket, request: Request, way: Way) -> None:
        try:
            server = socket.create_connection((way.address, way.port), _CONNECT_SECONDS)
        except OSError as problem:
            self._ledger.tell(f"{request.place} did not answer: {problem.strerror or problem}")
            return _say(client, 502, "Bad Gateway", f"{request.place} did not answer.")
        with self._followed(server):
            self._ledger.tell(f"{request.place} was let through{way.described}")
            return self._exchange(client, server, request, way)

    def _exchange(self, client: socket.socket, server: socket.socket, request: Request, way: Way) -> None:
        for end in (client, server):
            end.settimeout(self._network.idle_seconds)
        if not request.is_tunnel:
            server.sendall(request.head(absolute=way.is_parent, authorization=way.authorization))
            return self._pump(request.place, {server: client})
        if way.is_parent:
            server.sendall(request.head(absolute=True, authorization=way.authorization))
            status = _read_head(server).split(b"\r\n", 1)[0].decode("latin-1").split(" ")
            if status[1:2] != ["200"]:
                self._ledger.tell(f"{request.place} was refused by PATCHBAY_PREPARE_PROXY: {' '.join(status[1:])[:80]}")
                return _say(client, 502, "Bad Gateway", "The proxy above this one refused.")
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        return self._pump(request.place, {server: client, client: server})

    def _pump(self, place: str, ways: dict[socket.socket, socket.socket]) -> None:
        """Pass bytes on, each source to its target, until all sources have ended or nothing came for too long."""
        with selectors.DefaultSelector() as sources:
            for source in ways:
                sources.register(source, selectors.EVENT_READ)
            while sources.get_map():
                ready = sources.select(self._network.idle_seconds)
                if not ready:
                    return self._ledger.tell(f"{place} was silent for {self._network.idle_seconds:g} s and was let go")
                readable = {key.fd for key, _ in ready}
                for source in [source for source in ways if source.fileno() in readable]:
                    if not self._pass_on(source, ways[source], sources.unregister):
                        return None
        return None

    def _pass_on(self, source: socket.socket, target: socket.socket, forget: Callable[[socket.socket], object]) -> bool:
        data = source.recv(_READ)
        if not self._ledger.count(len(data)):
            return False
        if data:
            target.sendall(data)
        else:
            forget(source)
            target.shutdown(socket.SHUT_WR)
        return True


def _receive_listener(handed: socket.socket) -> socket.socket | None:
    """The listening socket that our program in the jail sends before the recipe runs; anything else is dropped."""
    with handed:
        handed.settimeout(_HEAD_SECONDS)
        try:
            received = socket.recv_fds(handed, 1, 1)[1]
        except OSError:
            return None
    if not received:
        return None
    listener = socket.socket(fileno=received[0])
    if listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return listener
    listener.close()
    return None


def _read_head(end: socket.socket) -> bytes:
    """Up to the empty line and not a byte further, so that what follows is left for the other side."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        seen = end.recv(_LONGEST_HEAD, socket.MSG_PEEK)
        found = (head[-3:] + seen).find(b"\r\n\r\n")
        wanted = len(seen) if found < 0 else found + 4 - len(head[-3:])
        head += end.recv(wanted)
        if not seen or len(head) > _LONGEST_HEAD:
            raise BadRequest("The head of the request is too long or not whole.")
    return head


def _say(client: socket.socket, code: int, reason: str, sentence: str) -> None:
    body = f"{sentence}\n".encode()
    head = f"HTTP/1.1 {code} {reason}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
    client.sendall(head.encode() + b"Connection: close\r\n\r\n" + body)
