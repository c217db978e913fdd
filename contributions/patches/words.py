"""Which words of a changed line are the change: what a reader's eye would look for by itself, found within bounds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Span = tuple[int, int]  # from this character up to, not including, that one
Pair = tuple[int, int]

WORD = re.compile(r"\w+|\s+|[^\w\s]")
LONGEST = 1000  # characters of a line; beyond, marks cost more than they tell
MOST_STEPS = 20_000  # of comparing the words of one pair of lines, a few milliseconds
LARGEST_BLOCK = 60  # lines on either side of a block whose lines are matched by likeness
ALIKE = 0.4  # of the words must be the same, else the whole line is the change and marks are only noise


@dataclass
class Effort:
    """Steps that are left for all the lines of a page: about 0.2 s."""

    steps: int = 700_000


def marks(kinds: Sequence[str], texts: Sequence[str], effort: Effort) -> dict[int, list[Span]]:
    """Of the lines of a hunk that were replaced by others much like them, which characters are the change."""
    found: dict[int, list[Span]] = {}
    for removed, added in _blocks(kinds):
        for left, right in partners([texts[at] for at in removed], [texts[at] for at in added]):
            old, new = removed[left], added[right]
            found[old], found[new] = spans(texts[old], texts[new], effort)
    return {at: stretch for at, stretch in found.items() if stretch}


def _blocks(kinds: Sequence[str]) -> Iterator[tuple[list[int], list[int]]]:
    """Places of the lines of each block of removed lines with added ones right below it."""
    removed: list[int] = []
    added: list[int] = []
    for at, kind in enumerate([*kinds, " "]):
        if kind == " " or (kind == "-" and added):
            if removed and added:
                yield removed, added
            removed, added = [], []
        if kind == "-":
            removed.append(at)
        elif kind == "+":
            added.append(at)


def spans(old: str, new: str, effort: Effort | None = None) -> tuple[list[Span], list[Span]]:
    """What of `old` was replaced by what of `new`; nothing when the lines have little in common or are too long.

    What it costs is taken from `effort`; once that is used up, nothing is marked any more.
    """
    if old == new or max(len(old), len(new)) > LONGEST:
        return [], []
    before, after = WORD.findall(old), WORD.findall(new)
    same = _same_words(before, after, effort or Effort())
    if same is None or not _is_alike(before, after, same):
        return [], []
    return _rest(before, {pair[0] for pair in same}), _rest(after, {pair[1] for pair in same})


def _is_alike(before: Sequence[str], after: Sequence[str], same: Sequence[Pair]) -> bool:
    kept = sum(len(before[pair[0]]) for pair in same if not before[pair[0]].isspace())
    longer = max(sum(len(word) for word in words if not word.isspace()) for words in (before, after))
    return longer == 0 or kept >= ALIKE * longer


def _rest(words: Sequence[str], kept: set[int]) -> list[Span]:
    """The spans of the words that were not kept; a blank between two of them belongs to both."""
    found: list[Span] = []
    at = 0
    for number, word in enumerate(words):
        end = at + len(word)
        bridged = number in kept and word.isspace() and {number - 1, number + 1}.isdisjoint(kept)
        if number not in kept or (bridged and found and number + 1 < len(words)):
            found = [*found[:-1], (found[-1][0], end)] if found and found[-1][1] == at else [*found, (at, end)]
        at = end
    return found


def _same_words(before: Sequence[str], after: Sequence[str], effort: Effort) -> list[Pair] | None:
    """Pairs of words that are the same and in the same order, as many as there can be; None if that is much work."""
    head, tail = common_ends(before, after)
    middle_old, middle_new = before[head : len(before) - tail], after[head : len(after) - tail]
    steps = len(middle_old) * len(middle_new)
    if steps > min(MOST_STEPS, effort.steps):
        return None
    effort.steps -= steps
    ends = [(len(before) - back, len(after) - back) for back in range(tail, 0, -1)]
    inner = [(head + old, head + new) for old, new in longest_common(middle_old, middle_new)]
    return [*((at, at) for at in range(head)), *inner, *ends]


def common_ends(one: Sequence[object], other: Sequence[object]) -> tuple[int, int]:
    """How many are the same at the beginning, and how many of the rest at the end."""
    head = _common(one, other)
    return head, _common(one[head:][::-1], other[head:][::-1])


def _common(one: Sequence[object], other: Sequence[object]) -> int:
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count


def longest_common(one: Sequence[object], other: Sequence[object]) -> list[Pair]:
    """Places of a longest common subsequence, by the table that every textbook has; its cost is the product."""
    table = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for left in range(len(one) - 1, -1, -1):
        row, below = table[left], table[left + 1]
        for right in range(len(other) - 1, -1, -1):
            row[right] = below[right + 1] + 1 if one[left] == other[right] else max(below[right], row[right + 1])
    return list(_walked(table, one, other))


def _walked(table: list[list[int]], one: Sequence[object], other: Sequence[object]) -> Iterator[Pair]:
    left = right = 0
    while left < len(one) and right < len(other):
        if one[left] == other[right]:
            yield left, right
            left, right = left + 1, right + 1
        elif table[left + 1][right] >= table[left][right + 1]:
            left += 1
        else:
            right += 1


def partners(removed: Sequence[str], added: Sequence[str]) -> list[Pair]:
    """Which removed line became which added one, in order.

    As many on either side are taken in turn. Else each removed line looks for the likeliest one further down.
    """
    if len(removed) == len(added):
        return list(zip(range(len(removed)), range(len(added)), strict=True))
    if max(len(removed), len(added)) > LARGEST_BLOCK:
        return []
    bags = [set(WORD.findall(line[:LONGEST])) for line in added]
    pairs: list[Pair] = []
    following = 0
    for at, line in enumerate(removed):
        best = _likeliest(set(WORD.findall(line[:LONGEST])), bags, following)
        if best is not None:
            pairs.append((at, best))
            following = best + 1
    return pairs


def _likeliest(bag: set[str], bags: Sequence[set[str]], following: int) -> int | None:
    scores = [(len(bag & other) / max(len(bag | other), 1), -at) for at, other in enumerate(bags) if at >= following]
    best = max(scores, default=(0.0, 0))
    return -best[1] if best[0] >= ALIKE else None
