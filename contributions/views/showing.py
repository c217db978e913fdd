"""The files of any diff that is kept: their heads, and their lines as far as a page bears them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from contributions.errors import Invalid, Missing
from contributions.markup import reveal_code
from contributions.patches import parse_diff

from .diffs import EMPTY, anchor_of, line_count, split, unified

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django.utils.safestring import SafeString

    from contributions.models import Blob
    from contributions.patches import FileDiff, Hunk

    from .diffs import Notes

VIEWS = {"unified": unified, "split": split}
OPEN_BYTES, OPEN_FILE_BYTES = 96_000, 48_000  # of diff that a page opens by itself, in all and of one file
LISTED = 60  # files on a page
MOST_LINES = 3000  # of one file at a time


@dataclass(frozen=True)
class Manner:
    """How files are shown; `address` is the page's, with a query that every link of it begins with.

    `notes` makes, of a file's path, what people said of its lines.
    """

    address: str
    view: str = "unified"
    notes: Callable[[str], Notes] | None = None

    def link(self, **more: Any) -> str:
        return f"{self.address}&{urlencode({'view': self.view, **more})}"


@dataclass(frozen=True)
class ShownFile:
    index: int
    path: str
    old_path: str
    status: str
    added: int
    removed: int
    anchor: str
    view: str
    link: str  # to a page of this file alone
    rows: SafeString | None = None
    said: SafeString = EMPTY  # what people said of the file, above its lines
    note: str = ""
    further: str = ""  # the address of the lines after these

    @property
    def name(self) -> str:
        return f"{self.old_path} → {self.path}" if self.old_path and self.old_path != self.path else self.path


def shown_files(
    diff: Blob, files: Sequence[dict[str, Any]], manner: Manner, *, only: int | None = None, start: int = 0
) -> list[ShownFile]:
    """The files from number `start` on, as many as a page lists, with lines for the first ones.

    `only` is the number of a single one, whose lines are shown however many there are; from its hunk `start` then.
    Raises Missing if there is no such file.
    """
    if only is not None and only >= len(files):
        raise Missing("There is no file of that number.")
    indexes = range(start, min(start + LISTED, len(files))) if only is None else [only]
    heads = [_head(index, files[index], manner) for index in indexes]
    return _opened(diff, files, heads, manner, None if only is None else start)


def _head(index: int, known: dict[str, Any], manner: Manner) -> ShownFile:
    path, old_path = (reveal_code(str(known.get(name) or "")) for name in ("path", "old_path"))
    counts = int(known["added"]), int(known["removed"])
    anchor = anchor_of(str(known["path"]))
    return ShownFile(index, path, old_path, str(known["status"]), *counts, anchor, manner.view, manner.link(file=index))


def _opened(
    diff: Blob, files: Sequence[dict[str, Any]], heads: Sequence[ShownFile], manner: Manner, start: int | None
) -> list[ShownFile]:
    """The files, with rows for those within the budget; one that was asked for is opened whatever its size."""
    budget, done = OPEN_BYTES, []
    with diff.open() as content:
        for file in heads:
            first, last = (int(files[file.index][name]) for name in ("start", "end"))
            size = last - first
            if start is None and (size > OPEN_FILE_BYTES or size > budget):
                done.append(replace(file, note="This diff is large."))
                continue
            budget -= size
            content.seek(first)
            done.append(_with_rows(file, str(files[file.index]["path"]), content.read(size), manner, start or 0))
    return done


def _with_rows(file: ShownFile, path: str, diff: bytes, manner: Manner, start: int) -> ShownFile:
    try:
        parsed = parse_diff(diff)[0]
    except (Invalid, IndexError):
        return replace(file, note="This part of the diff cannot be shown; the patch file holds it.")
    if parsed.binary:
        return replace(file, note="A binary file: nothing to show.")
    hunks, further = _window(parsed, start)
    note = _mode_note(parsed) or ("" if parsed.hunks else "No line is changed.")
    notes = manner.notes(path) if manner.notes else None
    rows = VIEWS[manner.view](file.anchor, hunks, file.path, notes)
    following = manner.link(**{"file": file.index, "from": further}) if further else ""
    return replace(file, rows=rows, note=note, further=following, said=notes.head if notes else EMPTY)


def _mode_note(diff: FileDiff) -> str:
    if diff.old_mode and diff.new_mode and diff.old_mode != diff.new_mode:
        return f"The mode changes from {diff.old_mode} to {diff.new_mode}."
    return f"New with mode {diff.new_mode}." if diff.new_mode not in {"", "100644"} and not diff.old_mode else ""


def _window(diff: FileDiff, start: int) -> tuple[list[Hunk], int]:
    """The hunks from number `start`, as many as a page bears, and the number of the next one or 0.

    One hunk that is too long by itself is cut: what lies beyond is in the patch file.
    """
    if line_count(diff) <= MOST_LINES:
        return list(diff.hunks), 0
    chosen: list[Hunk] = []
    lines = 0
    for at, hunk in enumerate(diff.hunks[start:], start):
        lines += hunk.old_count + hunk.added
        if chosen and lines > MOST_LINES:
            return chosen, at
        chosen.append(_cut(hunk))
    return chosen, 0


def _cut(hunk: Hunk) -> Hunk:
    if hunk.old_count + hunk.added <= MOST_LINES:
        return hunk
    raw = b"\n".join(hunk.raw.split(b"\n", MOST_LINES)[:MOST_LINES])
    return replace(hunk, raw=raw, heading=f"{hunk.heading} (its first {MOST_LINES:,} lines)")
