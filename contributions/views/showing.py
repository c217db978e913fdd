"""The files of any diff that is kept: their heads, and their lines as far as a page bears them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from contributions.errors import Invalid, Missing
from contributions.markup import reveal_code
from contributions.patches import context, parse_diff, sides
from contributions.patches.spacing import MOST_FOLDED, without_spacing
from contributions.patches.windows import MOST_LINES, length, window
from contributions.patches.words import Effort

from .diffs import EMPTY, ROWS, anchor_of
from .expanding import Layout, Surroundings, rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import IO

    from django.utils.safestring import SafeString

    from contributions.models import Blob
    from contributions.patches import FileDiff
    from contributions.patches.context import Range

    from .diffs import Notes

VIEWS = tuple(ROWS)
SPACES = ("show", "ignore")
OPEN_BYTES, OPEN_FILE_BYTES = 16_000, 16_000  # of diff that a page opens by itself, in all and of one file
OPEN_OF_MANY = 10_000  # of a change of more files than a page lists: what fills a window, so that it comes at once
LISTED = 60  # files on a page
MOST_LOADED = 400_000  # bytes of one file's diff; a larger one is loaded by those who ask, not by reaching it
LINE_HEIGHT, HUNK_EXTRA, NOTE_HEIGHT = 19.5, 4.8, 44.8  # pixels; as the style sheet has them
HEAD_HEIGHT = 54.0  # of a file around its lines
MOST_ROOM = 1_000_000  # pixels that are kept free for what is not listed yet
AROUND = 8  # lines around the changes of a file with one hunk, and its heading
SUBMODULE, LINK = "160000", "120000"
KINDS = {LINK: "A symbolic link; its text is the path that it leads to.", SUBMODULE: "A commit of another repository."}
UNREADABLE = "This part of the diff cannot be shown; the patch file holds it."


@dataclass(frozen=True)
class Manner:
    """How files are shown; `address` is the page's, with a query that every link of it begins with.

    `notes` makes, of a file's path, what people said of its lines. `sides` has the files before and after, if they
    were kept; `pictures` makes the address of a picture in it of a file's number and "old" or "new".
    """

    address: str
    view: str = "unified"
    space: str = "show"
    notes: Callable[[str], Notes] | None = None
    sides: Blob | None = None
    wanted: Sequence[Range] = ()
    pictures: Callable[[int, str], str] | None = None
    viewed: frozenset[str] | None = None  # paths; None for nobody's marks
    effort: Effort = field(default_factory=Effort)

    def link(self, **more: Any) -> str:
        space = {} if self.space == "show" else {"space": self.space}
        return f"{self.address}&{urlencode({'view': self.view, **space, **more})}"


@dataclass(frozen=True)
class BinarySide:
    """What there is to know of a file that is no text."""

    title: str
    size: int
    sha256: str = ""
    picture: str = ""
    width: int = 0
    height: int = 0


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
    is_viewed: bool | None = None  # None where nobody can mark it
    facts: str = ""
    rows: SafeString | None = None
    said: SafeString = EMPTY  # what people said of the file, above its lines
    note: str = ""
    further: str = ""  # the address of the lines after these
    waits: bool = False  # loaded once it is reached
    height: int = 0  # of what is waited for, as near as can be told
    binary: Sequence[BinarySide] = ()

    @property
    def name(self) -> str:
        return f"{self.old_path} → {self.path}" if self.old_path and self.old_path != self.path else self.path

    @property
    def is_closed(self) -> bool:
        return self.rows is None and not self.note and not self.binary


def shown_files(
    diff: Blob, files: Sequence[dict[str, Any]], manner: Manner, *, only: int | None = None, start: int = 0
) -> list[ShownFile]:
    """The files from number `start` on, as many as a page lists, with lines for the first ones.

    `only` is the number of a single one, whose lines are shown however many there are; from its hunk `start` then.
    Raises Missing if there is no such file.
    """
    if only is None:
        return listed_files(diff, files, manner, range(start, min(start + LISTED, len(files))))
    if only >= len(files):
        raise Missing("There is no file of that number.")
    with diff.open() as content:
        return [_opened(content, files[only], _head(only, files[only], manner), manner, start)]


def listed_files(
    diff: Blob, files: Sequence[dict[str, Any]], manner: Manner, indexes: Iterable[int]
) -> list[ShownFile]:
    """The files of these numbers, opened as far as the page bears it; what somebody viewed stays closed."""
    budget, done = OPEN_BYTES if len(files) <= LISTED else OPEN_OF_MANY, []
    with diff.open() as content:
        for index in indexes:
            head = _head(index, files[index], manner)
            size = _size(files[index])
            if size <= min(budget, OPEN_FILE_BYTES) and not head.is_viewed:
                budget -= size
                done.append(_opened(content, files[index], head, manner, 0))
            else:
                done.append(replace(head, waits=size <= MOST_LOADED, height=_height(files[index])))
    return done


def _size(known: dict[str, Any]) -> int:
    return int(known["end"]) - int(known["start"])


def _height(known: dict[str, Any]) -> int:
    """As near as can be told: what was added or deleted is one hunk, of anything else there is some context."""
    around = 1 if known["status"] in {"added", "deleted"} else AROUND
    lines = min(MOST_LINES, int(known["added"]) + int(known["removed"]) + around)
    return max(0, round(lines * LINE_HEIGHT + HUNK_EXTRA - NOTE_HEIGHT))


def room_for(files: Iterable[dict[str, Any]]) -> int:
    """Pixels that files take once they are listed and loaded, as near as can be told."""
    taken = sum(HEAD_HEIGHT + NOTE_HEIGHT + (_height(known) if _size(known) <= MOST_LOADED else 0) for known in files)
    return min(MOST_ROOM, round(taken))


def _head(index: int, known: dict[str, Any], manner: Manner) -> ShownFile:
    path, old_path = (reveal_code(str(known.get(name) or "")) for name in ("path", "old_path"))
    return ShownFile(
        index,
        path,
        old_path,
        str(known["status"]),
        int(known["added"]),
        int(known["removed"]),
        anchor_of(str(known["path"])),
        manner.view,
        manner.link(file=index),
        None if manner.viewed is None else known["path"] in manner.viewed,
        _facts(known),
    )


def _facts(known: dict[str, Any]) -> str:
    """What happens to the file as a whole, in a few words."""
    old, new = known.get("modes") or ("", "")
    words = [] if known["status"] in {"modified", "mode"} else [str(known["status"])]
    if "similarity" in known:
        words.append(f"{known['similarity']} % the same")
    if {old, new} & set(KINDS):
        words.append("symbolic link" if LINK in {old, new} else "submodule")
    elif old and new and old != new:
        words.append(f"mode {old} → {new}")
    elif new not in {"", "100644"} and not old:
        words.append(f"mode {new}")
    if known.get("binary"):
        words.append("binary")
    return ", ".join(words)


def _opened(content: IO[bytes], known: dict[str, Any], head: ShownFile, manner: Manner, start: int) -> ShownFile:
    parsed = parsed_file(content, known)
    if parsed is None:
        return replace(head, note=UNREADABLE)
    if parsed.binary:
        said = manner.notes(str(known["path"])).head if manner.notes else EMPTY
        binary = _binary(known, head.index, manner)
        return replace(head, binary=binary, note="" if binary else "A binary file.", said=said)
    return _with_rows(head, known, parsed, manner, start)


def parsed_file(content: IO[bytes], known: dict[str, Any]) -> FileDiff | None:
    """The file's part of the diff, read; None if it is no diff."""
    content.seek(int(known["start"]))
    try:
        return parse_diff(content.read(_size(known)))[0]
    except (Invalid, IndexError):
        return None


def _binary(known: dict[str, Any], index: int, manner: Manner) -> list[BinarySide]:
    titles, kept = {"old": "Before", "new": "After"}, known.get("sides") or {}
    return [_binary_side(titles[which], kept[which], which, index, manner) for which in titles if which in kept]


def _binary_side(title: str, kept: dict[str, Any], which: str, index: int, manner: Manner) -> BinarySide:
    known = BinarySide(title, int(kept["size"]), str(kept.get("sha256", "")))
    if "kind" not in kept or manner.pictures is None:
        return known
    return replace(known, picture=manner.pictures(index, which), width=int(kept["width"]), height=int(kept["height"]))


def _with_rows(head: ShownFile, known: dict[str, Any], parsed: FileDiff, manner: Manner, start: int) -> ShownFile:
    folded, notes = _folded(parsed, manner)
    hunks, further = window(folded.hunks, start)
    notes = [*_notes(parsed), *notes]
    around = None if start or further else surroundings(known, head.index, manner)
    path = str(known["path"])
    remarks = manner.notes(path) if manner.notes else None
    lines = rows(hunks, Layout(head.anchor, path, manner.view, remarks), around, manner.effort) if hunks else None
    return replace(
        head,
        added=folded.added,
        removed=folded.removed,
        rows=lines,
        said=remarks.head if remarks else EMPTY,
        note=" ".join(notes),
        further=manner.link(**{"file": head.index, "from": further}) if further else "",
    )


def _folded(parsed: FileDiff, manner: Manner) -> tuple[FileDiff, list[str]]:
    """The file without changes of blanks alone, if that is wanted, and what is to be said of that."""
    if manner.space == "show" or not parsed.hunks:
        return parsed, []
    if length(parsed.hunks) > MOST_FOLDED:
        return parsed, ["The file is too large to look for changes of blanks alone; all are shown."]
    hunks = tuple(left for hunk in parsed.hunks for left in without_spacing(hunk))
    folded = replace(parsed, hunks=hunks)
    hidden = parsed.added + parsed.removed - folded.added - folded.removed
    if not hunks:
        return folded, ["Only blanks are changed here; that is hidden."]
    return folded, [f"{hidden:,} lines differ in blanks alone; that is hidden."] if hidden else []


def _notes(parsed: FileDiff) -> list[str]:
    notes = [KINDS[mode] for mode in KINDS if mode in {parsed.old_mode, parsed.new_mode}]
    if parsed.old_mode and parsed.new_mode and parsed.old_mode != parsed.new_mode:
        notes.append(f"The mode changes from {parsed.old_mode} to {parsed.new_mode}.")
    if not parsed.hunks:
        notes.append("No line is changed.")
    return notes


def surroundings(known: dict[str, Any], index: int, manner: Manner) -> Surroundings | None:
    """What stands around the changes of a file, if that was kept."""
    if manner.sides is None or not known.get("lines"):
        return None
    with manner.sides.open() as stream:
        content = sides.read(stream, index, "new")
    if content is None:
        return None
    return Surroundings(context.lines_of(content), manner.wanted, lambda word: manner.link(file=index, context=word))
