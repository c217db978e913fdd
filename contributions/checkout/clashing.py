"""Both sides of what conflicts: of each file the places where the release and the patch changed the same lines."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from contributions.checkout.runner import MIB, GitFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from contributions.checkout.bench import Bench
    from contributions.checkout.merging import Stage

MOST_FILES = 50
MOST_HUNKS = 40  # of one file
MOST_LINES = 200  # of one side of a hunk
LONGEST_LINE = 2000  # characters
MOST_BYTES = 300_000  # of text in all that is kept
LARGEST = MIB  # of a file that is looked into
SECONDS = 30.0  # for all files, on top of the one that is looked into
CONTEXT = 3
BINARY = 8000  # bytes in which git looks for a NUL
LINK, SUBMODULE = "120000", "160000"
BOTH = {2, 3}  # the sides that are merged
# As a merge looks for changes: without the heuristic that moves a hunk to where it reads better.
OPTIONS = (
    *("--unified=0", "--histogram", "--no-indent-heuristic"),
    *("--no-color", "--no-ext-diff", "--no-textconv", "--text"),
)
HUNK = re.compile(rb"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@", re.MULTILINE)


class How(StrEnum):
    """What about a file conflicts."""

    CONTENT = "content"
    ADDED_TWICE = "added-twice"
    GONE_HERE = "gone-here"  # the release has no such file any more
    GONE_THERE = "gone-there"  # the patch deletes it
    MOVED = "moved"  # both sides put it, or something else, at different places
    BINARY = "binary"
    LARGE = "large"
    LINK = "link"
    SUBMODULE = "submodule"
    SLOW = "slow"  # it would have taken too long to look into it
    MODE = "mode"  # the lines go together; what does not is the mode, or where a rename leads


class Stretch(NamedTuple):
    """Some lines of one side, and the number of the first; `cut` were too many to be kept."""

    start: int
    lines: list[str]
    cut: int = 0


class Hunk(NamedTuple):
    base: Stretch
    ours: Stretch
    theirs: Stretch
    before: list[str]
    after: list[str]


@dataclass(frozen=True)
class Clash:
    """What conflicts in one file; `count` hunks, of which as many are kept as there is room for."""

    path: str
    how: How
    hunks: tuple[Hunk, ...] = ()
    count: int = 0


class Span(NamedTuple):
    """Lines of the base, counted from 0, and those that stand for them on one side."""

    base: int
    base_end: int
    side: int
    side_end: int


def find_clashes(bench: Bench, stages: Sequence[Stage], *, seconds: float = SECONDS) -> list[Clash]:
    """One for each conflicting path, in their order; at most `MOST_FILES`."""
    paths = list(dict.fromkeys(stage.path for stage in stages))[:MOST_FILES]
    until = time.monotonic() + seconds
    done, room = [], MOST_BYTES
    for path in paths:
        sides = {stage.number: stage for stage in stages if stage.path == path}
        clash = _clash(bench, path, sides) if time.monotonic() < until else Clash(path, How.SLOW)
        kept = []
        for hunk in clash.hunks[:MOST_HUNKS]:
            room -= _size(hunk)
            if room < 0:
                break
            kept.append(hunk)
        done.append(Clash(path, clash.how, tuple(kept), clash.count))
    return done


def _size(hunk: Hunk) -> int:
    sides = (hunk.base.lines, hunk.ours.lines, hunk.theirs.lines, hunk.before, hunk.after)
    return sum(len(line) + 4 for side in sides for line in side)


def _clash(bench: Bench, path: str, sides: Mapping[int, Stage]) -> Clash:
    how = _kind(sides)
    if how not in {How.CONTENT, How.ADDED_TWICE}:
        return Clash(path, how)
    sizes = [_size_of(bench, stage.blob) for stage in sides.values()]
    if max(sizes) > LARGEST:
        return Clash(path, How.LARGE)
    texts = {number: bench.objects.read(stage.blob, "blob") for number, stage in sides.items()}
    if any(b"\0" in text[:BINARY] for text in texts.values()):
        return Clash(path, How.BINARY)
    try:
        hunks = list(_hunks(bench, sides, {number: lines_of(text) for number, text in texts.items()}))
    except GitFailed:  # the fence around it: nothing else can go wrong with two blobs that are here
        return Clash(path, How.SLOW)
    return Clash(path, how if hunks else How.MODE, tuple(hunks[: MOST_HUNKS + 1]), len(hunks))


def _kind(sides: Mapping[int, Stage]) -> How:
    modes = {stage.mode for stage in sides.values()}
    if SUBMODULE in modes:
        return How.SUBMODULE
    if LINK in modes:
        return How.LINK
    there = {(1, 2, 3): How.CONTENT, (2, 3): How.ADDED_TWICE, (1, 3): How.GONE_HERE, (1, 2): How.GONE_THERE}
    return there.get(tuple(sorted(sides)), How.MOVED)


def _size_of(bench: Bench, blob: str) -> int:
    found = bench.objects.find(blob)
    return found.size if found else 0


def lines_of(text: bytes) -> list[bytes]:
    """Without their ends; a form feed or U+2028 inside of a line is content."""
    lines = text.split(b"\n")
    return lines[:-1] if lines[-1] == b"" else lines


def _hunks(bench: Bench, sides: Mapping[int, Stage], lines: Mapping[int, Sequence[bytes]]) -> Iterator[Hunk]:
    """As a 3-way merge has them: stretches of the base that both sides changed, and not into the same."""
    base = lines.get(1, ())
    changes = {number: changes_of(bench, sides, number, len(lines[number])) for number in (2, 3)}
    regions = [(first, last) for first, last, seen in clusters(changes[2], changes[3]) if seen == BOTH]
    for at, (first, last) in enumerate(regions):
        ours, theirs = (stretch_for(changes[number], first, last) for number in (2, 3))
        mine, other = lines[2][slice(*ours)], lines[3][slice(*theirs)]
        if mine == other:
            continue
        floor = regions[at - 1][1] if at else 0
        ceiling = regions[at + 1][0] if at + 1 < len(regions) else len(base)
        yield Hunk(
            _kept(base[first:last], first),
            _kept(mine, ours[0]),
            _kept(other, theirs[0]),
            _shown(base[max(floor, first - CONTEXT) : first]),
            _shown(base[last : min(ceiling, last + CONTEXT)]),
        )


def changes_of(bench: Bench, sides: Mapping[int, Stage], number: int, length: int) -> list[Span]:
    """What became of the base on one side; where there is no base, all is new."""
    if 1 not in sides:
        return [Span(0, 0, 0, length)]
    said = bench.git("diff", *OPTIONS, sides[1].blob, sides[number].blob)
    return [_span(*found.groups()) for found in HUNK.finditer(said)]


def _span(start: bytes, count: bytes | None, side: bytes, side_count: bytes | None) -> Span:
    lines, others = (1 if number is None else int(number) for number in (count, side_count))
    first = int(start) - 1 if lines else int(start)  # of no line the one before is named
    other = int(side) - 1 if others else int(side)
    return Span(first, first + lines, other, other + others)


def clusters(ours: Sequence[Span], theirs: Sequence[Span]) -> Iterator[tuple[int, int, set[int]]]:
    """Stretches of the base that changes reach into, and of which sides (2, 3); such as only touch are one as well."""
    marked = sorted([(*span[:2], 2) for span in ours] + [(*span[:2], 3) for span in theirs])
    start = end = -1
    seen: set[int] = set()
    for first, last, side in marked:
        if first > end:
            if seen:
                yield start, end, seen
            start, end, seen = first, last, {side}
        else:
            end = max(end, last)
            seen.add(side)
    if seen:
        yield start, end, seen


def stretch_for(changes: Sequence[Span], first: int, last: int) -> tuple[int, int]:
    """The lines of a side that stand for base[first:last], where no change reaches over the edge."""
    before = sum((span.side_end - span.side) - (span.base_end - span.base) for span in changes if span.base < first)
    inside = [span for span in changes if first <= span.base and span.base_end <= last]
    grown = sum((span.side_end - span.side) - (span.base_end - span.base) for span in inside)
    return first + before, last + before + grown


def _kept(lines: Sequence[bytes], start: int) -> Stretch:
    return Stretch(start + 1, _shown(lines[:MOST_LINES]), max(0, len(lines) - MOST_LINES))


def _shown(lines: Sequence[bytes]) -> list[str]:
    return [line.decode("utf-8", "replace")[:LONGEST_LINE] for line in lines]
