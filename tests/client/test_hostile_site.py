"""The client against a site that means it no good, and locks that a stranger wrote."""

from __future__ import annotations

import socket
from contextlib import suppress
from threading import Thread
from time import sleep
from typing import TYPE_CHECKING, Any

import pytest

from tests import factories
from tests.locks import lock_on

from .conftest import Desk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
HEAVY = b"X" * (1 << 20)


class Rogue:
    """A host that says what it was told to say, piece by piece, as long as anybody listens; it speaks no HTTP."""

    def __init__(self, pieces: Callable[[], Iterable[bytes]]) -> None:
        self.heard: list[bytes] = []
        self.said = 0
        self.pieces = pieces
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):  # closed
            while True:
                Thread(target=self._answer, args=[self.socket.accept()[0]], daemon=True).start()

    def _answer(self, line: socket.socket) -> None:
        with line, suppress(OSError):  # hung up
            self.heard.append(line.recv(1 << 16))
            for piece in self.pieces():
                line.sendall(piece)
                self.said += len(piece)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """No portal is needed here."""
    return Desk(tmp_path / "desk", "")


@pytest.fixture
def rogue() -> Iterator[Callable[..., Rogue]]:
    made: list[Rogue] = []

    def host(pieces: Callable[[], Iterable[bytes]]) -> Rogue:
        made.append(Rogue(pieces))
        return made[-1]

    yield host
    for one in made:
        one.socket.close()


def drip(beginning: bytes, drop: bytes = b" ") -> Callable[[], Iterator[bytes]]:
    """Always something, so that no single wait is a long one, and never an end."""

    def pieces() -> Iterator[bytes]:
        yield beginning
        while True:
            sleep(0.2)
            yield drop

    return pieces


def flood(beginning: bytes) -> Callable[[], Iterator[bytes]]:
    def pieces() -> Iterator[bytes]:
        yield beginning
        for _ in range(300):
            yield HEAVY

    return pieces


@pytest.mark.parametrize(
    "pieces",
    [
        drip(b""),
        drip(OK, b"X-More: 1\r\n"),
        drip(OK + b"\r\n"),
        drip(OK + b"Content-Length: 100000\r\n\r\n"),
        drip(b"HTTP/1.1 500 No\r\n\r\n"),
        drip(CHUNKED + b"2\r\n{}\r\n0\r\n", b"X-More: 1\r\n"),
    ],
    ids=["status", "headers", "body", "promised", "refusal", "trailers"],
)
def test_a_site_that_never_comes_to_an_end_is_left(desk: Desk, rogue: Any, pieces: Any) -> None:
    ended = desk.run("search", "x", "--timeout", "1", "--site", rogue(pieces).address)
    assert ended.code == 3
    assert "too slowly" in ended.err or "refused (500)" in ended.err


@pytest.mark.parametrize(
    "said",
    [b"", b"SSH-2.0-OpenSSH\r\n", OK + b"X: 1\r\n" * 200 + b"\r\n", CHUNKED + b"zz\r\n", CHUNKED + b"9\r\n{}"],
    ids=["nothing", "another protocol", "headers without number", "strange chunk", "torn chunk"],
)
def test_what_is_no_answer_at_all_is_the_sites_fault(desk: Desk, rogue: Any, said: bytes) -> None:
    ended = desk.run("search", "x", "--site", rogue(lambda: [said]).address)
    assert (ended.code, "broke off" in ended.err or "cannot be reached" in ended.err) == (3, True), ended.err


@pytest.mark.parametrize(
    "beginning", [OK + b"\r\n", b"HTTP/1.1 302 Go\r\nLocation: /y\r\n\r\n", b"HTTP/1.1 404 No\r\n\r\n"]
)
def test_gigabytes_are_not_taken_in(desk: Desk, rogue: Any, beginning: bytes) -> None:
    site = rogue(flood(beginning))
    assert desk.run("search", "x", "--site", site.address).code == 3
    assert site.said < 100 << 20, "it was offered 300 MiB a time"


@pytest.mark.django_db
def test_a_lock_does_not_say_who_hears_the_token(desk: Desk, rogue: Any) -> None:
    thief = rogue(lambda: [OK + b"\r\n{}"])
    lock = desk.lock(lock_on(factories.make_release()) | {"site": thief.address})
    env = {"PATCHBAY_TOKEN": "pb_secret"}
    ended = desk.run("stack", "check", lock, **env)
    assert "your token is not sent there" in ended.err
    assert b"POST /api/v1/stacks/check/" in thief.heard[0]
    assert b"pb_secret" not in thief.heard[0]
    desk.run("stack", "check", lock, "--site", thief.address, **env)
    assert b"pb_secret" in thief.heard[1], "the control: whoever is named by the caller hears it"
