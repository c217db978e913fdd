"""Finds where each hunk of a patch belongs, and refuses those whose place is a guess.

git takes the nearest place that looks right and says nothing; between repeated blocks that is often the wrong one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from contributions.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = b"diff --git "
HUNK = re.compile(rb"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
INDEX = re.compile(rb"^index ([0-9a-f]+)\.\.([0-9a-f]+)", re.MULTILINE)
MOVED = re.compile(rb"^(?:rename|copy) from (.+)\n(?:rename|copy) to (.+)$", re.MULTILINE)
ESCAPE = re.compile(rb'\\([0-7]{3}|[abtnvfr"\\])')
ESCAPED = {b"a": b"\a", b"b": b"\b", b"t": b"\t", b"n": b"\n", b"v": b"\v", b"f": b"\f", b"r": b"\r"}
NO_NEWLINE = b"\n\\ No newline at end of file\n"


@dataclass(frozen=True)
class Hunk:
    """`before` is what the file must hold from line `start` on.

    Earlier hunks move it by `shift` lines, this one moves what follows by `growth`.
    """

    start: int
    before: bytes
    shift: int
    growth: int


@dataclass(frozen=True)
class Change:
    """One file of a diff in git's form; `old` or `new` is None where the file does not exist."""

    old: bytes | None
    new: bytes | None
    old_blob: str
    new_blob: str
    copies: bool
    hunks: tuple[Hunk, ...] = field(repr=False)

    @property
    def name(self) -> str:
        return (self.new or self.old or b"").decode("utf-8", "replace")

    @property
    def paths(self) -> set[bytes]:
        return {path for path in (self.old, self.new) if path}

    @property
    def touched(self) -> set[bytes]:
        """The paths at which the tree is another afterwards."""
        return {path for path in (None if self.copies else self.old, self.new) if path}


def read_changes(diff: bytes) -> list[Change]:
    """The changes of a diff as git writes it, with a/ and b/ before the paths."""
    pieces = (b"\n" + diff).split(b"\n" + FILE)[1:]
    return [_read_change(piece + b"\n") for piece in pieces]


def _read_change(piece: bytes) -> Change:
    heading, *hunks = piece.split(b"\n@@ ")
    index, moved = INDEX.search(heading), MOVED.search(heading)
    if moved:
        old, new = _unquoted(moved[1]), _unquoted(moved[2])
    else:
        names = heading.partition(b"\n")[0]
        old = new = _unquoted(names[: len(names) // 2])[2:]
    return Change(
        None if b"\nnew file mode " in heading else old,
        None if b"\ndeleted file mode " in heading else new,
        index[1].decode() if index else "",
        index[2].decode() if index else "",
        b"\ncopy from " in heading,
        tuple(_read_hunks(hunks)),
    )


def _unquoted(name: bytes) -> bytes:
    if not name.startswith(b'"'):
        return name
    return ESCAPE.sub(lambda found: _byte(found[1]), name[1:-1])


def _byte(code: bytes) -> bytes:
    return bytes([int(code, 8) & 0xFF]) if code.isdigit() else ESCAPED.get(code, code)


def _read_hunks(pieces: list[bytes]) -> Iterator[Hunk]:
    for piece in pieces:
        heading, _, body = (b"@@ " + piece).partition(b"\n")
        found = HUNK.match(heading)
        if not found:
            continue
        start, old_count, new_start, new_count = (1 if number is None else int(number) for number in found.groups())
        shift = (new_start + (new_count == 0)) - (start + (old_count == 0))
        yield Hunk(start + (old_count == 0), _before(body + b"\n"), shift, new_count - old_count)


def _before(body: bytes) -> bytes:
    """The lines that a hunk expects, as bytes of the file."""
    kept = b""
    lines: list[bytes] = []
    for line in body.split(b"\n")[:-1]:
        kind = line[:1]
        if kind == b"\\" and kept in (b" ", b"-") and lines:
            lines[-1] = lines[-1].removesuffix(b"\n")
        elif kind in (b" ", b"-"):
            lines.append(line[1:] + b"\n")
        kept = kind
    return b"".join(lines)


def place(change: Change, content: bytes, *, trusted: bool) -> Iterator[str]:
    """Yield a warning for each hunk that belongs elsewhere than it says; raise Invalid for one without a sure place.

    `trusted`: the content is the very blob that the patch was made from, or the patch names none.
    """
    lines, shift = _Lines(content), 0
    for number, hunk in enumerate(change.hunks, 1):
        where = f"hunk {number} of “{change.name}” (line {hunk.start})"
        exact = hunk.shift == shift and lines.hold(hunk)
        places = [] if exact and trusted else lines.find(hunk.before)
        if not exact and not places:
            raise Invalid(f"The {where} does not apply: the release has other lines there.")
        if len(places) > 1:
            raise Invalid(
                f"The {where} fits in {len(places)} places (lines {', '.join(map(str, places[:5]))}) and none is sure; "
                "send it with more context, or as git format-patch --full-index makes it."
            )
        if places and places[0] != hunk.start:
            yield f"The {where} was found at line {places[0]}."
        shift += hunk.growth


class _Lines:
    """A file's bytes, addressed by line."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.starts: list[int] | None = None

    def hold(self, hunk: Hunk) -> bool:
        at = self._offset(hunk.start)
        return at is not None and self.content.startswith(hunk.before, at) and self._ends(at, hunk.before)

    def _offset(self, line: int) -> int | None:
        if self.starts is None:
            self.starts = [0]
            for row in self.content.split(b"\n")[:-1]:
                self.starts.append(self.starts[-1] + len(row) + 1)
        return self.starts[line - 1] if 0 < line <= len(self.starts) else None

    def _ends(self, at: int, before: bytes) -> bool:
        """Lines without a newline at their end match only the end of the file."""
        return before.endswith(b"\n") or not before or at + len(before) == len(self.content)

    def find(self, before: bytes) -> list[int]:
        """The numbers of all lines from which the file holds `before`; none for an empty text in a file with lines."""
        if not before:
            return [] if self.content else [1]
        found, at = [], self.content.find(before)
        while at >= 0:
            if (not at or self.content[at - 1 : at] == b"\n") and self._ends(at, before):
                found.append(self.content.count(b"\n", 0, at) + 1)
            at = self.content.find(before, at + 1)
        return found
