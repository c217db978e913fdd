"""What the trailers of a commit's message name: its own Change-Id, and what must be on before it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

CHANGE_ID = re.compile(r"^Change-Id:[ \t]*(I[0-9a-f]{8,40})[ \t]*$", re.MULTILINE | re.IGNORECASE)
DEPENDS = re.compile(r"^Depends-On:[ \t]*(\S[^\n]*)$", re.MULTILINE | re.IGNORECASE)
WORD = re.compile(r"[^\s,]+")
ID = re.compile(r"I[0-9a-f]{8,40}", re.IGNORECASE)
NUMBER = re.compile(r"#(\d{1,9})")
ADDRESS = re.compile(r"(?P<site>https?://[^/\s]+)(?:/[^\s]*?)?/contributions/(?P<number>\d{1,9})(?:/[^\s]*)?")
MOST = 100  # words that one series may name


@dataclass(frozen=True)
class Wanted:
    """By number, by Change-Id in small letters, and words that say neither; each once, in their order."""

    numbers: tuple[int, ...] = ()
    change_ids: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


def change_ids_in(messages: Iterable[str]) -> frozenset[str]:
    return frozenset(found.lower() for message in messages for found in CHANGE_ID.findall(message))


def wanted_by(messages: Iterable[str], site: str) -> Wanted:
    """What the `Depends-On` lines name; an address counts when it is one of the portal at `site`."""
    words = [word for message in messages for line in DEPENDS.findall(message) for word in WORD.findall(line)]
    numbers: dict[int, None] = {}
    ids: dict[str, None] = {}
    others: dict[str, None] = {}
    for word in words[:MOST]:
        number, address = NUMBER.fullmatch(word), ADDRESS.fullmatch(word)
        if number:
            numbers[int(number[1])] = None
        elif address and address["site"].lower() == site.lower().rstrip("/"):
            numbers[int(address["number"])] = None
        elif ID.fullmatch(word):
            ids[word.lower()] = None
        else:
            others[word] = None
    return Wanted(tuple(numbers), tuple(ids), tuple(others))
