"""Where a diff touches what was there before: lines and functions, and the folders on the way to them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from contributions.patches.parsing import FileDiff, Hunk

LONGEST_PATH = 600  # characters: of four bytes each they still fit into an entry of an index
LONGEST_NAME = 200
# What opens a function or a class in the languages that platforms are written in, as it stands in a line of context.
DEFINITION = re.compile(
    rb"[ \t]*(?:(?:async|export|default|public|private|protected|static|final|abstract|pub|local)[ \t]+)*"
    rb"(?:def|class|func|function|fn|sub|interface|struct|impl|trait|module)[ \t]+\S"
)
NAME = re.compile(r"[^({:;\0]+")


class Place(NamedTuple):
    """Lines of a file before the change, from 1; 0 and 0 stand for the file as a whole."""

    path: str
    start: int
    end: int
    function: str


def places_of(files: Iterable[FileDiff]) -> Iterator[Place]:
    """A place for each hunk, and one for each file that comes, goes elsewhere or is not text."""
    for file in files:
        for path in _whole(file):
            yield Place(path[:LONGEST_PATH], 0, 0, "")
        if file.status not in {"added", "copied"}:
            for hunk in file.hunks:
                yield Place(file.old_path[:LONGEST_PATH], *_span(hunk), function_of(hunk))


def _whole(file: FileDiff) -> set[str]:
    if file.status in {"added", "copied"}:
        return {file.new_path}
    if not file.hunks:
        return {file.old_path, file.new_path}
    return {file.new_path} - {file.old_path}


def _span(hunk: Hunk) -> tuple[int, int]:
    """The old lines that change, without the context; of mere additions the lines on both sides of them."""
    lines = hunk.raw.removesuffix(b"\n").split(b"\n")
    before = _context(lines)
    after = _context([line for line in reversed(lines) if line[:1] != b"\\"])
    start, end = hunk.old_start + before, hunk.old_start + hunk.old_count - 1 - after
    return (start, end) if start <= end else (max(end, 1), max(start, 1))


def _context(lines: Sequence[bytes]) -> int:
    """How many lines stand before the first one that changes."""
    return next((number for number, line in enumerate(lines) if line[:1] in {b"+", b"-"}), 0)


def function_of(hunk: Hunk) -> str:
    """What the change is in, without its arguments: the definition nearest above it, else what git names."""
    lines = hunk.raw.split(b"\n")
    above = [line[1:] for line in lines[: _context(lines)] if DEFINITION.match(line[1:])]
    heading = above[-1].decode("utf-8", "replace") if above else hunk.heading
    name = NAME.match(heading.strip())
    return " ".join(name[0].split())[:LONGEST_NAME] if name else ""


def steps_to(path: str) -> Iterator[tuple[str, str]]:
    """The folder and the name of the file, and of each folder above it."""
    parent, _, name = path[:LONGEST_PATH].rpartition("/")
    yield parent, name
    while parent:
        parent, _, name = parent.rpartition("/")
        yield parent, name
