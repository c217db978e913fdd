"""The lines between hunks: where they are hidden, and which of them a reader wants to see."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from contributions.patches.parsing import Line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from contributions.patches.parsing import Hunk

Range = tuple[int, int]  # from the first line to the last one, both counted


class Gap(NamedTuple):
    """So many lines that are the same on both sides, from these numbers on."""

    old: int
    new: int
    size: int

    @property
    def last(self) -> int:
        return self.new + self.size - 1

    def part(self, first: int, last: int) -> Gap:
        """The lines with the new numbers from `first` to `last`."""
        return Gap(self.old + first - self.new, first, last - first + 1)

    def lines(self, texts: Sequence[bytes]) -> list[Line]:
        """The lines, of which `texts` has the new side from line 1 on."""
        numbers = range(self.size)
        return [Line(" ", self.old + at, self.new + at, texts[self.new + at - 1]) for at in numbers]


def gaps(hunks: Sequence[Hunk], lines: int) -> list[Gap]:
    """What is hidden before each hunk and, last, after all of them; `lines` has the new side in all."""
    found = []
    old = new = 1
    for hunk in hunks:
        start = _first(hunk.new_start, hunk.new_count)
        found.append(Gap(old, new, max(0, start - new)))
        old = _first(hunk.old_start, hunk.old_count) + hunk.old_count
        new = start + hunk.new_count
    return [*found, Gap(old, new, max(0, lines - new + 1))]


def _first(start: int, count: int) -> int:
    """Of no lines git names the one before."""
    return start if count else start + 1


def pieces(gap: Gap, wanted: Sequence[Range]) -> Iterator[tuple[Gap, bool]]:
    """The gap cut into what is wanted (True) and what stays hidden, from top to bottom."""
    at = gap.new
    for first, last in merged(wanted):
        first, last = max(first, at), min(last, gap.last)  # noqa: PLW2901 - what of it lies here
        if first > last:
            continue
        if first > at:
            yield gap.part(at, first - 1), False
        yield gap.part(first, last), True
        at = last + 1
    if at <= gap.last:
        yield gap.part(at, gap.last), False


def merged(ranges: Sequence[Range]) -> list[Range]:
    """The same lines in as few ranges as can be, in order."""
    done: list[Range] = []
    for first, last in sorted(ranges):
        if done and first <= done[-1][1] + 1:
            done[-1] = (done[-1][0], max(done[-1][1], last))
        else:
            done.append((first, last))
    return done


def lines_of(content: bytes) -> list[bytes]:
    r"""The lines without their "\n", as a diff has them."""
    texts = content.split(b"\n")
    return texts[:-1] if texts[-1] == b"" else texts
