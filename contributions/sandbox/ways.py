"""Where a job that may use the network may go, by the operator's words, and the one address it is let through to."""

from __future__ import annotations

import base64
import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from contributions import addresses, errors

if TYPE_CHECKING:
    from contributions.sandbox.jobs import Network

USUAL_PORTS = (80, 443)
_NAME = r"[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?"
_WORD = re.compile(
    rf"(?P<host>\*|(?:\*\.)?{_NAME}(?:\.{_NAME})*|\[[0-9A-Fa-f:.]+\])(?::(?P<port>\d{{1,5}}))?(?:=(?P<address>[0-9A-Fa-f:.]+))?",
    re.ASCII,
)


class Refused(Exception):
    """The job may not go there; the sentence says why."""


@dataclass(frozen=True)
class Rule:
    """One word: `name`, `*.name` or `*`, with `:port` where it is none of the usual, and `=address` to pin it."""

    host: str
    port: int | None = None
    address: str = ""

    def means(self, host: str) -> bool:
        if self.host.startswith("*"):
            return host.endswith(self.host[1:])
        return host == self.host

    def opens(self, port: int) -> bool:
        return port == self.port if self.port else port in USUAL_PORTS


@dataclass(frozen=True)
class Way:
    """What is connected to: the host itself at a checked address, or the proxy that stands before it."""

    address: str
    port: int
    is_parent: bool = False
    authorization: str = ""

    @property
    def described(self) -> str:
        return " by PATCHBAY_PREPARE_PROXY" if self.is_parent else f" to {self.address}"


def read_rule(word: str) -> Rule:
    """Raises Invalid, naming the word."""
    found = _WORD.fullmatch(word)
    try:
        address = str(ipaddress.ip_address(found["address"])) if found and found["address"] else ""
    except ValueError:
        found = None
    if not found or (address and found["host"].startswith("*")):
        raise errors.Invalid(f"“{word}” is no host that a prepare step could be let through to.", field="hosts")
    return Rule(found["host"].lower(), int(found["port"]) if found["port"] else None, address)


def find_way(network: Network, host: str, port: int, look_up: addresses.LookUp) -> Way:
    """Raises Refused with a sentence, the same for a name without an address and one that leads inside."""
    host = host.lower().removesuffix(".")
    meant = [rule for rule in map(read_rule, network.hosts) if rule.means(host)]
    if not meant:
        raise Refused("it is none of the hosts that PATCHBAY_PREPARE_HOSTS names.")
    opening = [rule for rule in meant if rule.opens(port)]
    if not opening:
        raise Refused(f"port {port} is not open, only {_ports_of(meant)}.")
    pinned = next((rule.address for rule in opening if rule.address), "")
    if pinned:
        return Way(pinned, port)
    if network.parent:
        return _way_by_parent(network, host, port, look_up)
    try:
        return Way(addresses.resolve(host, port, allow_private=network.allow_private, look_up=look_up), port)
    except addresses.Unreachable as fault:
        raise Refused("it has no public address.") from fault


def _ports_of(rules: list[Rule]) -> str:
    ports = {port for rule in rules for port in ([rule.port] if rule.port else USUAL_PORTS)}
    return " and ".join(map(str, sorted(ports)))


def _way_by_parent(network: Network, host: str, port: int, look_up: addresses.LookUp) -> Way:
    """A name that this machine knows must be public; one that only the parent knows is the parent's to judge."""
    if not network.allow_private and _leads_inside(host, port, look_up):
        raise Refused("it has no public address.")
    parts = urlsplit(network.parent)
    authorization = ""
    if parts.username is not None:
        words = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = "Basic " + base64.b64encode(words.encode()).decode()  # RFC 7617
    return Way(parts.hostname or "", parts.port or 80, is_parent=True, authorization=authorization)


def _leads_inside(host: str, port: int, look_up: addresses.LookUp) -> bool:
    try:
        answers = look_up(host.strip("[]"), port)
    except (OSError, UnicodeError):
        return False
    return not all(addresses.is_public(str(answer[4][0])) for answer in answers)
