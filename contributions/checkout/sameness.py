"""When two changes do the same to a file: stricter than git's patch ids, for people approve what they have read."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, NamedTuple

from contributions.checkout.fingerprints import diff
from contributions.checkout.runner import Fence, git

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RAW = ("diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames")
SECTION = b"\ndiff --git "
HUNK = re.compile(rb"^@@ -(\d+)[^\n]*\n", re.MULTILINE)
AT_ONCE = 20  # files read by one call; git takes none for text that is larger than 10 MiB
MOST_SEARCHED = 1 << 33  # bytes of all files times their hunks, some seconds; beyond, no hunk counts as being alone
LENGTH = 40  # hexadecimal digits of a digest


class Change(NamedTuple):
    """What git says of one path; a mode or a blob of nothing is all zeros."""

    old_mode: str
    new_mode: str
    old_blob: str
    new_blob: str
    status: str


def file_fingerprints(repo: Path, base: str, tip: str, *, anywhere: bool = False) -> dict[str, str]:
    """Path -> a digest of what happens to that file; where two digests are the same, so is what happens.

    git's patch id passes over white space. Here each byte of the lines counts, and modes, and binary content. Lines
    may have moved with the base; but a hunk that would fit in more than one place of its file is the same only at
    the same place of the same file, unless `anywhere`.
    """
    changes = changes_between(repo, base, tip)
    hunks = _hunks(changes, diff(repo, base, tip))
    places = {} if anywhere else _places(repo, changes, hunks)
    return {
        path: _digest(change, hunks.get(path, []), places.get(path, frozenset())) for path, change in changes.items()
    }


def changes_between(repo: Path, base: str, tip: str) -> dict[str, Change]:
    words = git(repo, *RAW, base, tip, fence=Fence()).decode("utf-8", "replace").split("\0")
    return {path: Change(*raw[1:].split(" ")) for raw, path in zip(words[0::2], words[1::2], strict=False)}


def _hunks(changes: dict[str, Change], change: bytes) -> dict[str, list[tuple[int, bytes]]]:
    """Of each file of text that stays in place: where its hunks begin, and their lines."""
    sections = iter(change.split(SECTION))
    found = {}
    for path, facts in changes.items():
        section = next(sections)
        if facts.status == "T":
            next(sections)  # what becomes a link, or is one no longer, is told as gone and new
        pieces = HUNK.split(section)[1:]
        if facts.status == "M" and pieces:
            found[path] = [
                (int(start), lines.removesuffix(b"\n")) for start, lines in zip(pieces[0::2], pieces[1::2], strict=True)
            ]
    return found


def _places(
    repo: Path, changes: dict[str, Change], hunks: dict[str, list[tuple[int, bytes]]]
) -> dict[str, frozenset[int]]:
    """Of each file: which hunks, by where they begin, would fit elsewhere in it as well, or may for all we know."""
    found, left, paths = {}, MOST_SEARCHED, list(hunks)
    for start in range(0, len(paths), AT_ONCE):
        some = paths[start : start + AT_ONCE]
        for path, text in zip(some, _read(repo, [changes[path].old_blob for path in some]), strict=True):
            left -= len(text) * len(hunks[path])
            found[path] = frozenset(at for at, lines in hunks[path] if left < 0 or not _fits_once(lines, text))
    return found


def _read(repo: Path, blobs: list[str]) -> Iterator[bytes]:
    answer = git(repo, "cat-file", "--batch", input="".join(f"{blob}\n" for blob in blobs).encode(), fence=Fence())
    at = 0
    for _ in blobs:
        start = answer.index(b"\n", at) + 1
        size = int(answer[at:start].split()[2])
        yield answer[start : start + size]
        at = start + size + 1


def _digest(change: Change, hunks: list[tuple[int, bytes]], uncertain: frozenset[int]) -> str:
    """A file without hunks is told by its content as a whole; one that only gets another mode, by that alone."""
    facts = [change.status, change.old_mode, change.new_mode]
    if not hunks and change.old_blob != change.new_blob:
        facts += [change.old_blob, change.new_blob]
    summed = hashlib.sha256(" ".join(facts).encode())
    for start, lines in hunks:
        place = f"{start} of {change.old_blob}" if start in uncertain else ""
        summed.update(f"\n@@ {place} {len(lines)}\n".encode() + lines)
    return summed.hexdigest()[:LENGTH]


def _fits_once(lines: bytes, text: bytes) -> bool:
    before = [line[1:] for line in lines.split(b"\n") if line[:1] in {b" ", b"-"}]
    wanted, whole = b"\n" + b"\n".join(before), b"\n" + text
    return whole.find(wanted, whole.find(wanted) + 1) < 0
