r"""Reads a diff as git writes it into files, hunks and lines, fast enough for the largest that is taken.

A file's lines are made only when somebody looks at them. Content lines always begin with a blank, '+', '-' or
'\', so a line that begins with "diff --git " or "@@ -" can only be a heading, and searching for those is enough.
Lines end at "\n" alone: a form feed or U+2028 inside a line of source is content.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

from contributions.errors import Invalid
from contributions.patches.paths import NULL, shown, unquoted

if TYPE_CHECKING:
    from collections.abc import Iterator

Status = Literal["added", "deleted", "modified", "renamed", "copied", "mode"]

FILE = b"diff --git "
HUNK = re.compile(rb"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@ ?([^\n]*)\n?")
INDEX = re.compile(rb"([0-9a-f]{4,64})\.\.([0-9a-f]{4,64})(?: (\d{6}))?\Z")
BODY = re.compile(rb"\n(?:@@ -|GIT binary patch\n|Binary files )")


class Line(NamedTuple):
    """One line of a hunk; `kind` is a blank, "+", "-" or a backslash (a remark on the line before it)."""

    kind: str
    old_no: int | None
    new_no: int | None
    text: bytes


@dataclass(frozen=True)
class Hunk:
    old_start: int
    old_count: int
    new_start: int
    new_count: int
    heading: str
    raw: bytes = field(repr=False)
    added: int = 0
    removed: int = 0

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        return tuple(self._numbered())

    def _numbered(self) -> Iterator[Line]:
        old, new = self.old_start, self.new_start
        for raw in self.raw.removesuffix(b"\n").split(b"\n"):
            kind = raw[:1] or b" "
            if kind == b"+":
                yield Line("+", None, new, raw[1:])
                new += 1
            elif kind == b"-":
                yield Line("-", old, None, raw[1:])
                old += 1
            elif kind == b"\\":
                yield Line("\\", None, None, raw[2:])
            else:
                yield Line(" ", old, new, raw[1:])
                old += 1
                new += 1


@dataclass(frozen=True)
class FileDiff:
    """What a diff does to one file; `start` and `end` are its bytes in the whole diff."""

    old_path: str
    new_path: str
    status: Status
    old_mode: str
    new_mode: str
    binary: bool
    hunks: tuple[Hunk, ...]
    start: int
    end: int
    old_blob: str = ""
    new_blob: str = ""
    similarity: int | None = None  # of a rename or a copy, in percent

    @property
    def added(self) -> int:
        return sum(hunk.added for hunk in self.hunks)

    @property
    def removed(self) -> int:
        return sum(hunk.removed for hunk in self.hunks)


@dataclass
class Heading:
    """The lines between "diff --git" and the first hunk, as they are met."""

    names: bytes
    old: bytes = b""
    new: bytes = b""
    old_mode: str = ""
    new_mode: str = ""
    status: Status = "modified"
    blobs: tuple[str, str] = ("", "")
    similarity: int | None = None

    def paths(self) -> tuple[str, str]:
        old, new = self.old, self.new
        if not (old and new):
            pair = same_name(self.names)
            old, new = old or pair, new or pair
        return shown(new if old == NULL else old), shown(old if new == NULL else new)


def parse_diff(diff: bytes) -> tuple[FileDiff, ...]:
    """Split the output of `git diff` (one parent, any renames, binary or not).

    Raises Invalid when the bytes are not such a diff, e.g. when a hunk has not the lines it announces.
    """
    if not diff:
        return ()
    if not diff.startswith(FILE):
        raise Invalid("Line 1: a diff of git begins with “diff --git”.")
    return tuple(_file(diff, start, end) for start, end in _sections(diff))


def _sections(diff: bytes) -> Iterator[tuple[int, int]]:
    start = 0
    while start < len(diff):
        following = diff.find(b"\n" + FILE, start)
        end = len(diff) if following < 0 else following + 1
        yield start, end
        start = end


def _file(diff: bytes, start: int, end: int) -> FileDiff:
    body = BODY.search(diff, start, end)
    body_start = body.start() + 1 if body else end
    heading = _heading(diff[start:body_start])
    binary = bool(body) and not diff.startswith(b"@@", body_start)
    hunks = () if binary else tuple(_hunks(diff, body_start, end))
    old_path, new_path = heading.paths()
    status = heading.status
    if status == "modified" and not hunks and not binary:
        status = "mode"
    modes = heading.old_mode, heading.new_mode
    return FileDiff(old_path, new_path, status, *modes, binary, hunks, start, end, *heading.blobs, heading.similarity)


def _heading(raw: bytes) -> Heading:
    first, *rest = raw.removesuffix(b"\n").split(b"\n")
    heading = Heading(first.removeprefix(FILE))
    for line in rest:
        _note(heading, line)
    return heading


def _note(heading: Heading, line: bytes) -> None:
    match line.split(b" ", 2):
        case [b"index", blobs, *mode]:
            _note_index(heading, b" ".join([blobs, *mode]))
        case [b"old", b"mode", mode]:
            heading.old_mode = mode.decode()
        case [b"new", b"mode", mode]:
            heading.new_mode = mode.decode()
        case [b"new", b"file", mode]:
            heading.status, heading.new_mode, heading.old = "added", mode[5:].decode(), NULL
        case [b"deleted", b"file", mode]:
            heading.status, heading.old_mode, heading.new = "deleted", mode[5:].decode(), NULL
        case [b"similarity", b"index", percent] if percent[:-1].isdigit():
            heading.similarity = min(int(percent[:-1][:3]), 100)
        case [b"rename" | b"copy" as verb, b"from", path]:
            heading.status = "renamed" if verb == b"rename" else "copied"
            heading.old = unquoted(path)
        case [b"rename" | b"copy", b"to", path]:
            heading.new = unquoted(path)
        case [b"---" | b"+++" as side, *path]:
            _note_name(heading, side, b" ".join(path))


def _note_name(heading: Heading, side: bytes, name: bytes) -> None:
    if side == b"---":
        heading.old = heading.old or _stripped(name)
    else:
        heading.new = heading.new or _stripped(name)


def _note_index(heading: Heading, text: bytes) -> None:
    found = INDEX.match(text)
    if not found:
        return
    heading.blobs = (found[1].decode(), found[2].decode())
    if found[3]:
        heading.old_mode = heading.new_mode = found[3].decode()


def _stripped(name: bytes) -> bytes:
    name = unquoted(name.removesuffix(b"\t"))
    return name if name == NULL else name.partition(b"/")[2]


def same_name(names: bytes) -> bytes:
    """The one path in "a/PATH b/PATH", which is all there is when only a mode changes."""
    if names.startswith(b'"'):
        old, quote, _ = names[1:].partition(b'" ')
        return unquoted(b'"' + old + quote[:1]).partition(b"/")[2]
    return names[: len(names) // 2].partition(b"/")[2]


def _hunks(diff: bytes, start: int, end: int) -> Iterator[Hunk]:
    while start < end:
        following = diff.find(b"\n@@ -", start, end)
        hunk_end = end if following < 0 else following + 1
        yield _hunk(diff, start, hunk_end)
        start = hunk_end


def _hunk(diff: bytes, start: int, end: int) -> Hunk:
    found = HUNK.match(diff, start, end)
    if not found:
        raise Invalid(f"Line {line_number(diff, start)}: this is not the heading of a hunk.")
    numbers = [1 if number is None else int(number) for number in found.groups()[:4]]
    raw = diff[found.end() : end]
    lines = raw.count(b"\n") + (raw[-1:] not in (b"\n", b""))
    added, removed, remarks = (_beginning(raw, mark) for mark in (b"+", b"-", b"\\"))
    if (lines - added - remarks, lines - removed - remarks) != (numbers[1], numbers[3]):
        raise Invalid(f"Line {line_number(diff, start)}: the hunk has not the lines that its heading announces.")
    old_start, old_count, new_start, new_count = numbers
    heading = found[5].decode("utf-8", "replace")
    return Hunk(old_start, old_count, new_start, new_count, heading, raw, added, removed)


def _beginning(raw: bytes, mark: bytes) -> int:
    return raw.count(b"\n" + mark) + raw.startswith(mark)


def line_number(text: bytes, offset: int) -> int:
    return text.count(b"\n", 0, offset) + 1
