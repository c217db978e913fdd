"""Texts and code taken apart into words, alike when they are kept and when they are looked for.

What is between letters and digits separates words, so that swift/proxy/server.py and get_object are phrases of plain
words; a name in camel case is one word, and is kept with its parts beside it.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

WORD = re.compile(r"[^\W_]+")
HUMPED = re.compile(r"[a-z][A-Z]|[A-Z]{2}[a-z]")
HUMP = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
LONGEST_WORD = 64  # a longer one is a digest or a picture in letters, and nobody types it
ABBREVIATED = re.compile(r"(?=[0-9a-f]*[0-9])[0-9a-f]{7,39}")  # the begin of a commit's name
BYTES_A_WORD = 24
LETTERS = re.compile(r"[a-z]{4,30}")


def words_of(text: str) -> list[str]:
    return [word.lower() for word in WORD.findall(text) if len(word) <= LONGEST_WORD]


def parts_of(text: str) -> Iterator[str]:
    """The humps of names in camel case."""
    for word in WORD.findall(text):
        if HUMPED.search(word) and len(word) <= LONGEST_WORD:
            yield from (part.lower() for part in HUMP.findall(word) if len(part) > 1)


def kept(texts: Iterable[str], most: int) -> str:
    """At most `most` words of the texts in their order, and the parts of names behind them; in bytes, so many times 24.

    PostgreSQL keeps a million bytes of words for a row, and usual words have eight.
    """
    words: list[str] = []
    parts: dict[str, None] = {}
    room = most * BYTES_A_WORD
    for text in texts:
        for word in islice(words_of(text), most - len(words)):
            room -= len(word.encode())
            if room < 0:
                return " ".join(words)
            words.append(word)
        parts.update(dict.fromkeys(islice(parts_of(text), most)))
        if len(words) >= most:
            break
    return " ".join([*words, *islice(parts, most)])


def added_lines(diff: Iterable[bytes], most: int) -> Iterator[str]:
    """Each line that a diff adds, once; at most `most` lines are looked at."""
    seen: set[bytes] = set()
    for line in islice(diff, most):
        if line[:1] == b"+" and line[:4] != b"+++ " and line not in seen:
            seen.add(line)
            yield line[1:400].decode("utf-8", "replace")


def plain_words(text: str) -> set[str]:
    """What may be suggested to somebody who mistyped it."""
    return {word for word in words_of(text) if LETTERS.fullmatch(word)}


def sought(value: str, *, begins: bool = False) -> str:
    """A word or phrase in the syntax of PostgreSQL's to_tsquery; empty when there is nothing to look for.

    `begins` takes the last word for the begin of one, as does a star at its end.
    """
    words = words_of(value)
    if not words:
        return ""
    begins = begins or value.endswith("*") or bool(len(words) == 1 and ABBREVIATED.fullmatch(words[0]))
    quoted = [f"'{word}'" for word in words]
    return " <-> ".join([*quoted[:-1], quoted[-1] + (":*" if begins else "")])
