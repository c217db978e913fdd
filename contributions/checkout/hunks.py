"""Where the hunks of a change stand in a text, as `git apply` looks for them: with all of their context or not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Lines = list[bytes]

FILE = b"diff --git "
INDEX = re.compile(rb"index ([0-9a-f]{40,64})\.\.([0-9a-f]{40,64})( \d+)?\n?")
HEAD = re.compile(rb"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
NO_NEWLINE = b"\\ "


@dataclass(frozen=True)
class Hunk:
    """`before` becomes `after`, both with their context; `old` and `new` are where they begin, counted from 1."""

    old: int
    new: int
    before: Lines
    after: Lines
    ends_with_change: bool

    def reversed(self) -> Hunk:
        return Hunk(self.new, self.old, self.after, self.before, self.ends_with_change)


@dataclass(frozen=True)
class Laid:
    """What came out, and whether every hunk stood at the line that it names."""

    lines: Lines
    is_exact: bool


def lines_of(content: bytes) -> Lines:
    """With their ends; only a line feed ends one."""
    parts = content.split(b"\n")
    return [part + b"\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def hunks_of(change: bytes) -> dict[tuple[str, str], list[Hunk] | None]:
    """By the old and the new blob of a file, of git's own diff with whole ids; None for what is no text."""
    lines = lines_of(change)
    found: dict[tuple[str, str], list[Hunk] | None] = {}
    place, pair = 0, ("", "")
    while place < len(lines):
        line = lines[place]
        if index := INDEX.fullmatch(line):
            pair = (index[1].decode(), index[2].decode())
            found.setdefault(pair, [])
        elif line.startswith(b"GIT binary patch"):
            found[pair] = None
        elif head := HEAD.match(line):
            hunk, place = _hunk(lines, place + 1, head)
            found[pair] = [*(found.get(pair) or []), hunk]
            continue
        place += 1
    return found


def _hunk(lines: Lines, place: int, head: re.Match[bytes]) -> tuple[Hunk, int]:
    old, new = (int(head[2] or b"1"), int(head[4] or b"1"))
    before: Lines = []
    after: Lines = []
    trailing = 0
    while place < len(lines) and (len(before) < old or len(after) < new or lines[place].startswith(NO_NEWLINE)):
        sign, text = lines[place][:1], lines[place][1:]
        if sign == b"\\":
            _without_its_end(lines[place - 1][:1], before, after)
        else:
            before += [text] * (sign in b" -")
            after += [text] * (sign in b" +")
            trailing = trailing + 1 if sign == b" " else 0
        place += 1
    return Hunk(int(head[1]), int(head[3]), before, after, ends_with_change=not trailing), place


def _without_its_end(sign: bytes, before: Lines, after: Lines) -> None:
    if sign in b" -":
        before[-1] = before[-1].removesuffix(b"\n")
    if sign in b" +":
        after[-1] = after[-1].removesuffix(b"\n")


def lay(hunks: Sequence[Hunk], lines: Lines) -> Laid | None:
    """Every hunk where it is found nearest to where it belongs, one behind the other; None if one is not found."""
    made: Lines = []
    done, is_exact = 0, True
    for hunk in hunks:
        wanted = max(0, hunk.new - 1) + done - len(made)
        place = _nearest(hunk, lines, done, wanted)
        if place is None:
            return None
        is_exact &= place == max(0, hunk.old - 1)
        made += lines[done:place]
        made += hunk.after
        done = place + len(hunk.before)
    return Laid(made + lines[done:], is_exact)


def can_stand(hunks: Sequence[Hunk], lines: Lines) -> bool:
    """Whether each hunk is found somewhere, whatever their order: without that no program could lay them."""
    return all(_nearest(hunk, lines, 0, hunk.new) is not None for hunk in hunks)


def _nearest(hunk: Hunk, lines: Lines, first: int, wanted: int) -> int | None:
    """As git does: what begins with the first line, or ends with a change, belongs to that end of the file."""
    size = len(hunk.before)
    last = len(lines) - size
    places: Iterable[int]
    if hunk.old <= 1:
        places = [0] if last == 0 or not hunk.ends_with_change else []
    elif hunk.ends_with_change:
        places = [last]
    else:
        places = _places(hunk.before[0], lines, wanted)
    fitting = (place for place in places if first <= place <= last and lines[place : place + size] == hunk.before)
    return next(fitting, None)


def _places(line: bytes, lines: Lines, wanted: int) -> Iterator[int]:
    """Where the line stands: the place that is wanted, then the nearest, of two the later one."""
    if 0 <= wanted < len(lines) and lines[wanted] == line:
        yield wanted
    found = [place for place, each in enumerate(lines) if each == line]
    yield from sorted(found, key=lambda place: (abs(place - wanted), place < wanted))
