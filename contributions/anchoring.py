"""Finds where lines stand in another text, by what they say and by what stands around them, not by their number."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

CONTEXT = 5  # lines kept above and below what is quoted
LONGEST_LINE = 2000  # characters of a line that are kept and compared
TELLING = 16  # characters that must be the same before a place that is not the same all around is believed
MOST_PLACES = 500  # looked at for one quotation, the nearest ones: a blank line may stand at a million

Lines = dict[int, str]  # by number, from 1; a text of which only parts are known has gaps


@dataclass(frozen=True)
class Anchor:
    """Lines as they stood from number `start`, with what stood above and below them."""

    start: int
    quoted: tuple[str, ...]
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


def lines_of(raw: bytes) -> list[str]:
    """The lines of a file, cut at LONGEST_LINE. Lines end at a line feed alone, as in a diff."""
    return [shortened(line) for line in raw.removesuffix(b"\n").split(b"\n")] if raw else []


def numbered(raw: bytes) -> Lines:
    return dict(enumerate(lines_of(raw), 1))


def shortened(line: bytes) -> str:
    """As it is kept and compared: of bounded length, without its carriage return and what no database takes."""
    text = line.removesuffix(b"\r")[: 4 * LONGEST_LINE].decode("utf-8", "replace")
    return text[:LONGEST_LINE].replace("\0", "␀")


def anchor(lines: Mapping[int, str], start: int, end: int) -> Anchor | None:
    """What holds a remark on these lines; None when not all of them are known."""
    quoted = [lines.get(number) for number in range(start, end + 1)]
    if not quoted or any(line is None for line in quoted):
        return None
    above = _run(lines, range(start - 1, start - 1 - CONTEXT, -1))
    below = _run(lines, range(end + 1, end + 1 + CONTEXT))
    return Anchor(start, tuple(map(str, quoted)), tuple(reversed(above)), tuple(below))


def _run(lines: Mapping[int, str], numbers: Iterable[int]) -> list[str]:
    found = []
    for number in numbers:
        if number not in lines:
            break
        found.append(lines[number])
    return found


def mapped(old: Sequence[str], new: Sequence[str]) -> Callable[[int], int]:
    """A guess where a line of `old` stands in `new`: exact where both begin or end alike, near in between."""
    shortest = min(len(old), len(new))
    head = next((at for at in range(shortest) if old[at] != new[at]), shortest)
    rest = shortest - head
    tail = next((at for at in range(rest) if old[-1 - at] != new[-1 - at]), rest)
    return lambda number: number + len(new) - len(old) if number > max(head, len(old) - tail) else number


def unmoved(number: int) -> int:
    return number


def find(anchors: Sequence[Anchor], lines: Lines, guess: Callable[[int], int] = unmoved) -> list[int | None]:
    """For each anchor the number of the line where what it quotes stands now; None where that cannot be told.

    What is the same all around is found wherever it is, the nearest to `guess` of several. Else it is the one place
    where most of the surroundings are the same, if there is one and enough is the same to believe it.
    """
    pivots = [_pivot(one.quoted) for one in anchors]
    places: dict[str, list[int]] = {_key(one.quoted[at]): [] for one, at in zip(anchors, pivots, strict=True)}
    for number, line in lines.items():
        if (found := places.get(_key(line))) is not None:
            found.append(number)
    return [
        _best(one, _nearest([n - at for n in places[_key(one.quoted[at])]], guess(one.start)), lines, guess(one.start))
        for one, at in zip(anchors, pivots, strict=True)
    ]


def _key(line: str) -> str:
    """What is compared: blanks at a line's end part nothing."""
    return line.rstrip()


def _pivot(quoted: Sequence[str]) -> int:
    """Which of the lines to look for: the longest, which fewest others equal."""
    return max(range(len(quoted)), key=lambda at: len(quoted[at].strip()))


def _nearest(starts: list[int], guess: int) -> list[int]:
    at = bisect_left(starts, guess)
    return starts[max(0, at - MOST_PLACES) : at + MOST_PLACES]


def _best(one: Anchor, starts: list[int], lines: Lines, guess: int) -> int | None:
    weighed = [(weight, start) for start in starts if (weight := _weight(one, start, lines)) is not None]
    if not weighed:
        return None
    whole = [start for (_, is_whole), start in weighed if is_whole]
    if whole:
        return min(whole, key=lambda start: abs(start - guess))
    most = max(weight for (weight, _), _ in weighed)
    best = [start for (weight, _), start in weighed if weight == most]
    return best[0] if len(best) == 1 and most >= TELLING else None


def _weight(one: Anchor, start: int, lines: Lines) -> tuple[int, bool] | None:
    """How many characters are the same around a place, and whether all; None where the quoted lines do not stand."""
    if any(_differs(lines, start + at, line) for at, line in enumerate(one.quoted)):
        return None
    above = _same(lines, range(start - 1, -1, -1), one.before[::-1])
    below = _same(lines, range(start + len(one.quoted), start + len(one.quoted) + CONTEXT), one.after)
    same = [*one.quoted, *above, *below]
    is_whole = (len(above), len(below)) == (len(one.before), len(one.after)) != (0, 0)
    return sum(len(line.strip()) for line in same), is_whole


def _same(lines: Lines, numbers: Iterable[int], wanted: Sequence[str]) -> list[str]:
    """The lines next to a place that are as they were, until one is not."""
    found = []
    for number, line in zip(numbers, wanted, strict=False):
        if _differs(lines, number, line):
            break
        found.append(line)
    return found


def _differs(lines: Lines, number: int, line: str) -> bool:
    return number not in lines or _key(lines[number]) != _key(line)


def lines_in(text: str) -> list[str]:
    """The lines that a suggestion puts in: none for an empty text, one blank line for a line feed alone."""
    return text.removesuffix("\n").split("\n") if text else []
