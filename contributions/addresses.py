"""Where in the network the portal may go: out into the world, and never back inside.

A name is resolved once, every answer must be public, and the one who connects is pinned to the answer that was checked.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from typing import Any

LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")

# What Python calls global although it leads back inside: tunnels and translations of IPv4, old site-local
# addresses, protocol assignments. 64:ff9b::/96 and 2002::/16 carry an IPv4 address of anybody's choice.
INWARD = tuple(
    ipaddress.ip_network(block)
    for block in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
        "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
        "203.0.113.0/24", "224.0.0.0/3",
        "::/8", "64:ff9b::/32", "100::/8", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16",
        "fc00::/7", "fe80::/9", "fec0::/10", "ff00::/8",
    )
)  # fmt: skip

LookUp = Callable[[str, int], Sequence[tuple[Any, ...]]]  # as socket.getaddrinfo answers


class Unreachable(Exception):
    """The host has no address, or one that leads inside: nobody is told which of the two, so nobody learns."""


def look_up(host: str, port: int) -> Sequence[tuple[Any, ...]]:
    """Ask the resolver of this machine."""
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


def resolve(host: str, port: int, *, allow_private: bool, look_up: LookUp = look_up) -> str:
    """The IP address to connect to for `host`, which may be a name, an address or one in brackets. Raises Unreachable.

    `allow_private` is development: addresses inside are followed as well.
    """
    host = host.removeprefix("[").removesuffix("]")
    if not _is_address(host) and not _is_name(host):
        raise Unreachable(host)
    try:
        answers = look_up(host, port)
    except (OSError, UnicodeError) as fault:
        raise Unreachable(host) from fault
    found = [str(answer[4][0]) for answer in answers]
    if not found or not (allow_private or all(is_public(ip) for ip in found)):
        raise Unreachable(host)
    return found[0]


def is_public(ip: str) -> bool:
    """Whether an IP address is somewhere in the world: not here, not our network, not a way back in."""
    address = ipaddress.ip_address(ip)
    return address.is_global and not any(address in block for block in INWARD if block.version == address.version)


def _is_name(host: str) -> bool:
    """A host name whose last label is no number: 127.1 and 2130706433 are addresses in disguise."""
    labels = host.removesuffix(".").split(".")
    return all(LABEL.fullmatch(label) for label in labels) and not re.match(r"\d+$|0x", labels[-1], re.IGNORECASE)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
