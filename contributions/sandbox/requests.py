"""What the proxy of a job is asked: CONNECT to a host and port, or one plain GET; everything else is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass

_HOST = r"(?P<host>[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])"
_TUNNEL = re.compile(rf"CONNECT {_HOST}:(?P<port>\d{{1,5}}) HTTP/1\.[01]", re.ASCII)
_PLAIN = re.compile(
    rf"(?P<method>GET|HEAD) http://{_HOST}(?::(?P<port>\d{{1,5}}))?(?P<path>[/?][!-~]*)? HTTP/1\.[01]",
    re.ASCII | re.IGNORECASE,
)
_HEADER = re.compile(r"(?P<name>[!#$%&'*+.^_`|~0-9A-Za-z-]+):[^\0\r\n]*")
# Of one connection and not of the request (RFC 9110, 7.6.1), and those that we say ourselves.
_OURS = frozenset(
    ("connection", "host", "keep-alive", "proxy-authorization", "proxy-connection", "te", "trailer", "upgrade")
)
_BODY = frozenset(("content-length", "transfer-encoding"))
_LAST_PORT = 65_535


class BadRequest(Exception):
    """The sender does not speak HTTP as a client speaks it to a proxy."""


@dataclass(frozen=True)
class Request:
    """`method` is CONNECT for a tunnel; `headers` are those that may be passed on, as they came."""

    method: str
    host: str
    port: int
    path: str = ""
    headers: tuple[str, ...] = ()

    @property
    def is_tunnel(self) -> bool:
        return self.method == "CONNECT"

    @property
    def place(self) -> str:
        return f"{self.host}:{self.port}"

    def head(self, *, absolute: bool, authorization: str) -> bytes:
        """As it is sent on; `absolute` is the form that another proxy expects."""
        place = self.host if self.port == 80 and not self.is_tunnel else self.place  # noqa: PLR2004 - HTTP's own port
        path = (f"http://{place}" if absolute else "") + self.path
        lines = [f"{self.method} {self.place if self.is_tunnel else path} HTTP/1.1", f"Host: {place}", *self.headers]
        if authorization:
            lines.append(f"Proxy-Authorization: {authorization}")
        lines += [] if self.is_tunnel else ["Connection: close"]
        return "".join(f"{line}\r\n" for line in lines).encode("latin-1") + b"\r\n"


def read_request(head: bytes) -> Request:
    """Raises BadRequest with a sentence. A request with a body is none that fetches something."""
    first, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    asked = _TUNNEL.fullmatch(first) or _PLAIN.fullmatch(first)
    if not asked:
        raise BadRequest("This proxy takes CONNECT, and GET or HEAD of an http:// address.")
    port = int(asked["port"] or 80)
    if not 0 < port <= _LAST_PORT:
        raise BadRequest(f"There is no port {port}.")
    if asked.re is _TUNNEL:
        return Request("CONNECT", asked["host"].lower(), port)
    path = asked["path"] or "/"
    path = path if path.startswith("/") else f"/{path}"
    return Request(asked["method"].upper(), asked["host"].lower(), port, path, _passed_on(lines))


def _passed_on(lines: list[str]) -> tuple[str, ...]:
    kept = []
    for line in lines:
        header = _HEADER.fullmatch(line)
        name = header["name"].lower() if header else ""
        if not name or name in _BODY:
            raise BadRequest("The request has a header that is not passed on, or a body.")
        if name not in _OURS:
            kept.append(line)
    return tuple(kept)
