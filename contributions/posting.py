"""Posting to an address that somebody else named: only outward, to the address that was checked, bounded in all."""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import ssl
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from contributions.addresses import Unreachable, look_up as ask_resolver, resolve
from contributions.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contributions.addresses import LookUp

MAX_URL = 500
SECONDS = 10.0  # for all of it: connecting, sending and being answered
ANSWER_BYTES = 500  # that are kept of an answer; the rest is not read
PORTS = {"https": 443, "http": 80}
LAST_PORT, LAST_LOW_PORT = 65_535, 1023
URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>\d{1,5}))?(?P<path>[/?][!-~]*)?"
)
UNREACHABLE = "The portal cannot post to this address."


class NotTaken(Exception):
    """Nobody took it; `sentence` says why, for the one whose address it is."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True)
class Target:
    """An address read; whether it leads outward is asked anew at every connection."""

    scheme: str
    host: str
    port: int
    path: str


@dataclass(frozen=True)
class Answer:
    status: int
    text: str

    @property
    def is_thanks(self) -> bool:
        return 200 <= self.status < 300  # noqa: PLR2004 - RFC 9110, 15.3


def check(url: str, *, allow_private: bool, look_up: LookUp = ask_resolver) -> None:
    """Refuse an address that could not be posted to. Raises Invalid with a sentence."""
    target = read(url, allow_private=allow_private)
    try:
        resolve(target.host, target.port, allow_private=allow_private, look_up=look_up)
    except Unreachable:
        raise Invalid(UNREACHABLE, field="url") from None


def read(url: str, *, allow_private: bool) -> Target:
    """Raises Invalid. `allow_private` is development: plain HTTP, any port, addresses inside."""
    found = URL.fullmatch(url) if len(url) <= MAX_URL else None
    if found is None or "#" in url:
        raise Invalid(f"A webhook's address is https://, a host and a path; {MAX_URL} characters at most.", field="url")
    scheme, port = found["scheme"], int(found["port"] or PORTS[found["scheme"]])
    if scheme != "https" and not allow_private:
        raise Invalid("A webhook's address begins with https://, so that nobody reads or changes it.", field="url")
    low = port <= LAST_LOW_PORT and port != PORTS[scheme]
    if not 0 < port <= LAST_PORT or (low and not allow_private):
        raise Invalid("A webhook's port is 443, or one above 1023.", field="url")
    path = found["path"] or "/"
    return Target(scheme, found["host"], port, path if path.startswith("/") else f"/{path}")


@dataclass(frozen=True)
class Outlet:
    """The way out: `allow_private` is development; `seconds` bound all of it, from connecting to the answer's end."""

    allow_private: bool
    look_up: LookUp = ask_resolver
    seconds: float = SECONDS

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send the bytes and return the answer, whatever its status. Redirects are answers. Raises NotTaken."""
        try:
            target = read(url, allow_private=self.allow_private)
            ip = resolve(target.host, target.port, allow_private=self.allow_private, look_up=self.look_up)
        except (Invalid, Unreachable):
            raise NotTaken(UNREACHABLE) from None
        connection = _Pinned(target, ip, self.seconds)
        watch = threading.Timer(self.seconds, connection.cut)
        watch.start()
        try:
            connection.request("POST", target.path, body, dict(headers))
            answer = connection.getresponse()
            connection.go_on()  # an end put to half an answer looks like the end of its headers
            return _read_answer(answer)
        except (OSError, http.client.HTTPException, ValueError) as fault:
            raise NotTaken(_why(fault, connection, self.seconds)) from fault
        finally:
            watch.cancel()
            connection.close()


def _read_answer(answer: http.client.HTTPResponse) -> Answer:
    """The status is the answer; of the words only what comes at once, for the log."""
    text = b""
    with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
        text = answer.read1(ANSWER_BYTES)
    return Answer(answer.status, text[:ANSWER_BYTES].decode("utf-8", "replace"))


def _why(fault: Exception, connection: _Pinned, seconds: float) -> str:
    if connection.is_cut or isinstance(fault, TimeoutError):
        return f"It did not answer within {seconds:g} seconds."
    if isinstance(fault, ssl.SSLCertVerificationError):
        return f"Its certificate is not to be trusted: {fault.verify_message}."
    if isinstance(fault, ConnectionRefusedError):
        return "Nobody listens there: the connection was refused."
    if isinstance(fault, http.client.HTTPException):
        return "What it answered is not HTTP."
    return "The connection broke."


class _Pinned(http.client.HTTPConnection):
    """A connection to the IP address that was checked, in the name of the host that was meant."""

    def __init__(self, target: Target, ip: str, seconds: float) -> None:
        super().__init__(target.host, target.port, timeout=seconds)
        self.default_port = PORTS[target.scheme]  # so that Host names the port only where it is another one
        self.is_cut = False
        self._ip, self._secure = ip, target.scheme == "https"

    def connect(self) -> None:
        self.sock = socket.create_connection((self._ip, self.port), self.timeout)
        if self._secure:
            name = self.host.removeprefix("[").removesuffix("]")
            context = ssl.create_default_context()
            self.sock = context.wrap_socket(self.sock, server_hostname=name, do_handshake_on_connect=False)
            self.go_on()
            self.sock.do_handshake()
        self.go_on()

    def go_on(self) -> None:
        """Raise TimeoutError if it was cut while nobody could notice."""
        if self.is_cut:
            raise TimeoutError

    def cut(self) -> None:
        """End it from another thread, whatever it waits for: a server that drips would else hold it for ever."""
        self.is_cut = True
        sock = self.sock
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
