"""Hunks without the lines in which only blanks changed, as `git diff -w` shows them, at a cost that is bounded."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from contributions.patches.parsing import Hunk
from contributions.patches.words import Pair, common_ends, longest_common

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from contributions.patches.parsing import Line

MOST_FOLDED = 20_000  # lines of one file; in larger ones nobody looks
AROUND = 3  # lines of context, as git has them
MOST_STEPS = 10_000  # of comparing two blocks line by line; larger ones are matched by lines met once on either side,
MOST_STEPS_BETWEEN = 2_500  # and by what lies between two of those
Key = object  # the text without blanks, or something that is like nothing else


def without_spacing(hunk: Hunk) -> list[Hunk]:
    """What is left of the hunk: none, one or several, with the new text of lines that differ in blanks alone."""
    lines = _folded(hunk.lines)
    changed = [at for at, (kind, _) in enumerate(lines) if kind in "+-"]
    if len(changed) == hunk.added + hunk.removed:
        return [hunk]
    return list(_cut_out(hunk, lines, _windows(changed, len(lines))))


def _folded(lines: Sequence[Line]) -> list[tuple[str, bytes]]:
    """Kind and text of each line, where pairs that differ in blanks alone became context."""
    done: list[tuple[str, bytes]] = []
    removed: list[int] = []
    added: list[int] = []
    for at, line in enumerate(lines):
        if line.kind == " " or (line.kind == "-" and added):
            done.extend(_block(lines, removed, added))
            removed, added = [], []
        if line.kind == " ":
            done.append((" ", line.text))
        elif line.kind == "-":
            removed.append(at)
        elif line.kind == "+":
            added.append(at)
    return [*done, *_block(lines, removed, added)]


def _block(lines: Sequence[Line], removed: Sequence[int], added: Sequence[int]) -> Iterator[tuple[str, bytes]]:
    left = right = 0
    pairs = matches([_key(lines, at) for at in removed], [_key(lines, at) for at in added])
    for old, new in [*pairs, (len(removed), len(added))]:
        for at in [*removed[left:old], *added[right:new]]:
            yield from _with_remark(lines, at)
        if new < len(added):
            yield " ", lines[added[new]].text
        left, right = old + 1, new + 1


def _with_remark(lines: Sequence[Line], at: int) -> Iterator[tuple[str, bytes]]:
    yield lines[at].kind, lines[at].text
    if _has_remark(lines, at):
        yield "\\", lines[at + 1].text


def _has_remark(lines: Sequence[Line], at: int) -> bool:
    return at + 1 < len(lines) and lines[at + 1].kind == "\\"


def _key(lines: Sequence[Line], at: int) -> Key:
    """The text without its blanks; a last line without a newline is like no other, so that it stays a change."""
    return object() if _has_remark(lines, at) else b"".join(lines[at].text.split())


def matches(one: Sequence[Key], other: Sequence[Key]) -> list[Pair]:
    """Places of lines that are the same on both sides, in order."""
    head, tail = common_ends(one, other)
    inner = _inner(one[head : len(one) - tail], other[head : len(other) - tail])
    ends = [(len(one) - back, len(other) - back) for back in range(tail, 0, -1)]
    return [*((at, at) for at in range(head)), *((head + left, head + right) for left, right in inner), *ends]


def _inner(one: Sequence[Key], other: Sequence[Key]) -> list[Pair]:
    if len(one) * len(other) <= MOST_STEPS:
        return longest_common(one, other)
    pairs: list[Pair] = []
    left = right = 0
    for old, new in [*_anchors(one, other), (len(one), len(other))]:
        between = one[left:old], other[right:new]
        if len(between[0]) * len(between[1]) <= MOST_STEPS_BETWEEN:
            pairs.extend((left + a, right + b) for a, b in _inner(*between))
        if new < len(other):
            pairs.append((old, new))
        left, right = old + 1, new + 1
    return pairs


def _anchors(one: Sequence[Key], other: Sequence[Key]) -> list[Pair]:
    """Lines that are met once on either side, as many as keep their order (Bram Cohen's patience diff)."""
    here, there = _met_once(one), _met_once(other)
    pairs = [(at, there[key]) for key, at in here.items() if key in there]
    tops: list[int] = []
    piles: list[list[tuple[Pair, int]]] = []
    for pair in pairs:
        pile = bisect_left(tops, pair[1])
        back = len(piles[pile - 1]) - 1 if pile else -1
        if pile == len(piles):
            tops.append(pair[1])
            piles.append([(pair, back)])
        else:
            tops[pile] = pair[1]
            piles[pile].append((pair, back))
    chain: list[Pair] = []
    at = len(piles[-1]) - 1 if piles else -1
    for pile_of in reversed(piles):
        pair, at = pile_of[at]
        chain.append(pair)
    return chain[::-1]


def _met_once(keys: Sequence[Key]) -> dict[Key, int]:
    seen: dict[Key, int] = {}
    for at, key in enumerate(keys):
        if key:
            seen[key] = -1 if key in seen else at
    return {key: at for key, at in seen.items() if at >= 0}


def _windows(changed: Sequence[int], count: int) -> list[tuple[int, int]]:
    """Half-open stretches of lines around what is still changed."""
    found: list[tuple[int, int]] = []
    for at in changed:
        start, end = max(0, at - AROUND), min(count, at + AROUND + 1)
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def _cut_out(hunk: Hunk, lines: Sequence[tuple[str, bytes]], windows: Sequence[tuple[int, int]]) -> Iterator[Hunk]:
    old, new, at = hunk.old_start, hunk.new_start, 0
    for start, end in windows:
        skipped = [kind for kind, _ in lines[at:start]]
        old += len(skipped)  # all of it is context: whatever changed lies in a window
        new += len(skipped)
        kinds = [kind for kind, _ in lines[start:end]]
        added, removed, same = (kinds.count(kind) for kind in "+- ")
        raw = b"".join(_raw(kind, text) for kind, text in lines[start:end])
        first = old if removed + same else old - 1, new if added + same else new - 1  # of no lines, the one before
        yield Hunk(first[0], removed + same, first[1], added + same, hunk.heading, raw, added, removed)
        old, new, at = old + removed + same, new + added + same, end


def _raw(kind: str, text: bytes) -> bytes:
    return b"\\ " + text + b"\n" if kind == "\\" else kind.encode() + text + b"\n"
