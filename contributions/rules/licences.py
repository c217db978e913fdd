"""SPDX licence expressions: which ones a change writes into files, and whether a set of licences permits one.

The grammar is that of SPDX 2.3, annex D; identifiers are compared without regard to case, as it says.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

LONGEST = 200  # characters of an expression that is read
MOST_BRACKETS = 10
MOST_FOUND = 50  # different expressions that are kept of one change
EXPRESSION = re.compile(r"[A-Za-z0-9.+:()\- ]{1,60}\Z")
MARK = re.compile(rb"SPDX-License-Identifier:[ \t]*([A-Za-z0-9.+:()\- \t]*)")
WORD = re.compile(r"[()]|[^()\s]+")


def is_expression(text: str) -> bool:
    """Whether it can be a licence's name here: letters, digits and a few signs, 60 at most."""
    return bool(EXPRESSION.match(text)) and text == text.strip()


def permits(accepted: Iterable[str], expression: str) -> bool:
    """Whether one who takes only the `accepted` licences can take work under `expression`.

    Of “A or B” one is enough, of “A and B” both are needed; what cannot be read is not permitted.
    """
    taken = {" ".join(name.casefold().split()) for name in accepted}
    if " ".join(expression.casefold().split()) in taken:
        return True
    if len(expression) > LONGEST or expression.count("(") > MOST_BRACKETS:
        return False
    words = WORD.findall(expression.casefold())
    try:
        verdict, rest = _either(words, taken)
    except _Unreadable:
        return False
    return verdict and not rest


class _Unreadable(Exception):
    """It is no licence expression."""


def _either(words: Sequence[str], taken: set[str]) -> tuple[bool, Sequence[str]]:
    verdict, words = _all(words, taken)
    while words[:1] == ["or"]:
        other, words = _all(words[1:], taken)
        verdict = verdict or other
    return verdict, words


def _all(words: Sequence[str], taken: set[str]) -> tuple[bool, Sequence[str]]:
    verdict, words = _one(words, taken)
    while words[:1] == ["and"]:
        other, words = _one(words[1:], taken)
        verdict = verdict and other
    return verdict, words


def _one(words: Sequence[str], taken: set[str]) -> tuple[bool, Sequence[str]]:
    """A licence, perhaps with an exception, which only permits more; or an expression in brackets."""
    if not words or words[0] in {")", "and", "or", "with"}:
        raise _Unreadable
    if words[0] == "(":
        verdict, words = _either(words[1:], taken)
        if words[:1] != [")"]:
            raise _Unreadable
        return verdict, words[1:]
    name, words = words[0], words[1:]
    if words[:1] == ["with"]:
        if len(words) == 1:
            raise _Unreadable
        return name in taken or f"{name} with {words[1]}" in taken, words[2:]
    return name in taken, words


def written_by(files: Iterable[tuple[str, bytes]]) -> list[tuple[str, str]]:
    """What a change says of licences, given each file's path and its hunks: a path per expression that it adds."""
    found: dict[str, str] = {}
    for path, hunks in files:
        for expression in _added(hunks):
            found.setdefault(expression, path)
            if len(found) > MOST_FOUND:
                return [*_kept(found), (path, f"more than {MOST_FOUND} licences")]
    return _kept(found)


def _kept(found: dict[str, str]) -> list[tuple[str, str]]:
    return [(path, expression) for expression, path in list(found.items())[:MOST_FOUND]]


def _added(hunks: bytes) -> Iterator[str]:
    for mark in MARK.finditer(hunks):
        line = hunks.rfind(b"\n", 0, mark.start()) + 1
        if hunks[line : line + 1] == b"+":
            expression = " ".join(mark[1].decode("ascii").split()).strip(" -")[: LONGEST + 1]
            if expression:
                yield expression
