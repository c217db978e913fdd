"""Where remarks stand in a revision: in the one they were made on at their lines, in any other where that text is."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from contributions import anchoring
from contributions.errors import Invalid
from contributions.patches import parse_diff, sides

from .lines import LineComment
from .revision import Revision

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from contributions.anchoring import Anchor, Lines
    from contributions.patches import FileDiff

Side = LineComment.Side
MOST_LINES = 500_000  # of a file; of a longer one only what the diff shows is known


@dataclass(frozen=True)
class Stand:
    """Where a thread stands: in which file of the revision, if it has it, and at which lines of it, if they are there.

    A remark on a whole file has no lines and is not outdated.
    """

    index: int | None
    start: int = 0
    end: int = 0
    is_outdated: bool = False


def said_of(threads: Iterable[LineComment]) -> dict[int, Revision]:
    """The revisions that threads were made on, with what is needed to find the threads in another one."""
    return Revision.objects.select_related("sides").in_bulk({thread.revision_id for thread in threads})


def stands(
    threads: Iterable[LineComment],
    revision: Revision,
    only: Collection[int] | None = None,
    said: Mapping[int, Revision] | None = None,
) -> dict[int, Stand]:
    """Of each thread, by its key, where it stands in the revision; of files that are not among `only` just the file.

    `said` is `said_of` more threads than these, for those who ask file by file.
    """
    places = _Files(revision.files)
    found: dict[int, Stand] = {}
    moved: dict[tuple[int, str, int], list[LineComment]] = defaultdict(list)
    for thread in threads:
        index = places.index_of(thread)
        if index is None or not thread.start or (only is not None and index not in only):
            found[thread.pk] = Stand(index)
        elif thread.revision_id == revision.pk:
            found[thread.pk] = Stand(index, thread.start, thread.end)
        else:
            moved[index, thread.side, thread.revision_id].append(thread)
    texts: dict[tuple[int, str], Lines] = {}
    if said is None:
        said = said_of(group[0] for group in moved.values()) if moved else {}
    for (index, side, pk), group in moved.items():
        if (index, side) not in texts:
            texts[index, side] = text_of(revision, index, side)
        found |= _found_again(group, index, texts[index, side], said[pk])
    return found


def file_named(revision: Revision, path: str) -> int | None:
    """The number of a revision's file."""
    return next((at for at, file in enumerate(revision.files) if file["path"] == path), None)


class _Files:
    """A revision's files by what they are called with the change and without it, so that a renamed one is followed."""

    def __init__(self, files: Sequence[dict[str, Any]]) -> None:
        self._new = {str(file["path"]): at for at, file in enumerate(files)}
        self._old = {str(file["old_path"]): at for at, file in enumerate(files) if file["old_path"]}

    def index_of(self, thread: LineComment) -> int | None:
        at = self._new.get(thread.path)
        return self._old.get(thread.old_path or thread.path) if at is None else at


def _found_again(threads: Sequence[LineComment], index: int, lines: Lines, said: Revision) -> dict[int, Stand]:
    """All that were made on one side of one file of the revision `said`."""
    guess = _guess(said, threads[0], lines)
    found = anchoring.find([anchor_of(thread) for thread in threads], lines, guess)
    return {
        thread.pk: Stand(index, is_outdated=True)
        if start is None
        else Stand(index, start, start + thread.end - thread.start)
        for thread, start in zip(threads, found, strict=True)
    }


def _guess(said: Revision, thread: LineComment, lines: Lines) -> Callable[[int], int]:
    """How lines moved since the thread's own revision, as far as both texts are known whole."""
    index = file_named(said, thread.path)
    old = _whole(said, index, thread.side) if index is not None else None
    if old is None or not _is_whole(lines):
        return anchoring.unmoved
    return anchoring.mapped(old, list(lines.values()))


def _is_whole(lines: Lines) -> bool:
    return bool(lines) and next(iter(lines)) == 1 and next(reversed(lines)) == len(lines)


def anchor_of(thread: LineComment) -> Anchor:
    quoted, before, after = (tuple(text.split("\n")) for text in (thread.quoted, thread.before, thread.after))
    return anchoring.Anchor(thread.start, quoted, before if thread.before else (), after if thread.after else ())


def text_of(revision: Revision, index: int, side: str) -> Lines:
    """The lines of a file before or after the revision by number: all of them, or those that the diff shows."""
    whole = _whole(revision, index, side)
    return _from_diff(revision, index, side) if whole is None else dict(enumerate(whole, 1))


def _whole(revision: Revision, index: int, side: str) -> list[str] | None:
    if revision.sides is None:
        return None
    with revision.sides.open() as stream:
        raw = sides.read(stream, index, "old" if side == Side.OLD else "new")
    if raw is None or b"\0" in raw or raw.count(b"\n") > MOST_LINES:
        return None
    return anchoring.lines_of(raw)


def _from_diff(revision: Revision, index: int, side: str) -> Lines:
    parsed = _parsed(revision, index)
    lines = (line for hunk in parsed.hunks for line in hunk.lines) if parsed and not parsed.binary else ()
    if side == Side.OLD:
        return {line.old_no: anchoring.shortened(line.text) for line in lines if line.old_no is not None}
    return {line.new_no: anchoring.shortened(line.text) for line in lines if line.new_no is not None}


def _parsed(revision: Revision, index: int) -> FileDiff | None:
    if revision.diff is None:
        return None
    file = revision.files[index]
    with revision.diff.open() as stream:
        stream.seek(int(file["start"]))
        raw = stream.read(int(file["end"]) - int(file["start"]))
    try:
        return next(iter(parse_diff(raw)), None)
    except Invalid:
        return None
