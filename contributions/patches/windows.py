"""A stretch of a file's hunks that is no longer than a reader, or a program, bears at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contributions.patches.parsing import Hunk

MOST_LINES = 3000


def length(hunks: Sequence[Hunk]) -> int:
    return sum(hunk.old_count + hunk.added for hunk in hunks)


def window(hunks: Sequence[Hunk], start: int) -> tuple[list[Hunk], int]:
    """The hunks from number `start`, as many as are borne, and the number of the next one or 0.

    One hunk that is too long by itself is cut: what lies beyond is in the patch file.
    """
    if length(hunks) <= MOST_LINES:
        return list(hunks), 0
    chosen: list[Hunk] = []
    lines = 0
    for at, hunk in enumerate(hunks[start:], start):
        lines += length([hunk])
        if chosen and lines > MOST_LINES:
            return chosen, at
        chosen.append(_cut(hunk))
    return chosen, 0


def _cut(hunk: Hunk) -> Hunk:
    if length([hunk]) <= MOST_LINES:
        return hunk
    raw = b"\n".join(hunk.raw.split(b"\n", MOST_LINES)[:MOST_LINES])
    return replace(hunk, raw=raw, heading=f"{hunk.heading} (its first {MOST_LINES:,} lines)".lstrip())
