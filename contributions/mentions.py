"""Who is spoken to in a Markdown text: the names behind @, outside code."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST = 20  # people that one text speaks to
NAME = re.compile(r"(?<![\w@/.+-])@([A-Za-z0-9][A-Za-z0-9_.+-]{0,149})")
FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
CODE_LINE = re.compile(r" {4}|\t")
ITEM = re.compile(r"\s*(?:[-*+]|\d+[.)])\s")
TICKS = re.compile("(`+)")
QUOTED = ">"


def mentioned(text: str, *, quoted: bool = False) -> list[str]:
    """The names as they were typed, each once, the first ones first.

    What is quoted speaks to nobody again, unless `quoted` asks for it too.
    """
    found: dict[str, None] = {}
    for block in _blocks(text, quoted=quoted):
        for name in NAME.findall(_without_code(block)):
            found.setdefault(name.rstrip(".-+"))
    return list(found)[:MOST]


def _blocks(text: str, *, quoted: bool) -> Iterator[str]:
    """The paragraphs that are not code as a whole."""
    block: list[str] = []
    in_list = False
    for line in [*_outside_fences(text), ""]:
        if line.strip():
            if quoted or not line.lstrip().startswith(QUOTED):
                block.append(line)
            continue
        if block and (in_list or not all(CODE_LINE.match(line) for line in block)):
            in_list = (in_list and bool(CODE_LINE.match(block[0]))) or any(ITEM.match(line) for line in block)
            yield "\n".join(block)
        block = []


def _outside_fences(text: str) -> Iterator[str]:
    """The lines that stand in no fence; one that is never closed reaches to the end."""
    fence = ""
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        marks = FENCE.match(line)
        if fence:
            if line.strip() == fence:
                fence = ""
        elif marks:
            fence = marks[1]
            yield ""
        else:
            yield line


def _without_code(block: str) -> str:
    """The text without what stands between as many backticks as it began with."""
    parts = TICKS.split(block)
    places: dict[str, list[int]] = {}
    for at in range(1, len(parts), 2):
        places.setdefault(parts[at], []).append(at)
    kept, at = [parts[0]], 1
    while at < len(parts):
        same = places[parts[at]]
        later = bisect_right(same, at)
        if later < len(same):
            at = same[later]
        kept.append(parts[at + 1])
        at += 2
    return " ".join(kept)
