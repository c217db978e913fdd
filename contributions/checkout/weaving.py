"""A file that two sides changed, as what goes together and places that somebody settles; and the file of the answers.

Everything is bytes: what is chosen comes out as it went in, whatever its encoding, line ends or last line.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from contributions.checkout.clashing import BOTH, CONTEXT, changes_of, clusters, stretch_for
from contributions.checkout.runner import KIB

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from contributions.checkout.bench import Bench
    from contributions.checkout.merging import Stage

MOST_TYPED = 16 * KIB  # bytes of one place that are typed in a page
ID_LENGTH = 20
CR, LF = b"\r\n", b"\n"
MARKER = re.compile(r"^(?:<{7}|>{7}|\|{7})(?=[ \r\n]|\Z)[^\r\n]*", re.MULTILINE)

OURS, THEIRS, OURS_FIRST, THEIRS_FIRST = "ours", "theirs", "ours-first", "theirs-first"
REMEMBERED, TEXT = "remembered", "text"
CHOICES = (REMEMBERED, OURS, THEIRS, OURS_FIRST, THEIRS_FIRST, TEXT)


class Answer(NamedTuple):
    """What somebody chose for a place, and the text of their own if they chose that; its line ends are LF."""

    choice: str
    text: str = ""


@dataclass(frozen=True)
class Place:
    """Where both sides changed the same lines, which begin at `start` in what is merged onto and in the patch.

    `ends` are the line ends, none if they are mixed; `may_type`: what is here survives being typed in a page.
    `before` and `after` are the lines around it, as they are merged.
    """

    id: str
    start: int
    theirs_start: int
    base: bytes
    ours: bytes
    theirs: bytes
    ends: bytes
    may_type: bool
    is_last: bool = False
    remembered: bytes | None = None
    before: tuple[bytes, ...] = ()
    after: tuple[bytes, ...] = ()

    @property
    def choices(self) -> tuple[str, ...]:
        """What may be answered here, in the order in which it is offered."""
        both = (OURS_FIRST, THEIRS_FIRST) if self.ours and self.theirs else ()
        known = (REMEMBERED,) if self.remembered is not None else ()
        return (*known, OURS, THEIRS, *both, *((TEXT,) if self.may_type else ()))

    def takes(self, answer: Answer | None) -> bool:
        return answer is not None and answer.choice in self.choices

    def settled(self, answer: Answer) -> bytes:
        """The bytes that stand here by an answer that it takes."""
        known = {
            OURS: self.ours,
            THEIRS: self.theirs,
            OURS_FIRST: _joined(self.ours, self.theirs, self.ends),
            THEIRS_FIRST: _joined(self.theirs, self.ours, self.ends),
            REMEMBERED: self.remembered or b"",
        }
        return known[answer.choice] if answer.choice in known else self._typed(answer.text)

    def _typed(self, text: str) -> bytes:
        """With the file's line ends; the last line ends too, unless the file ends here and one side leaves it open."""
        raw = text.encode().replace(LF, self.ends or LF)
        is_open = self.is_last and any(side and not side.endswith(LF) for side in (self.ours, self.theirs))
        return raw if not raw or raw.endswith(LF) or is_open else raw + (self.ends or LF)

    @property
    def markers(self) -> list[str]:
        """Lines here that look like conflict markers and are none: a text may have these."""
        return markers_in(b"".join((self.base, LF, self.ours, LF, self.theirs)).decode("utf-8", "replace"))


def markers_in(text: str) -> list[str]:
    return MARKER.findall(text)


Pieces = tuple["bytes | Place", ...]


def weave(bench: Bench, path: str, sides: Mapping[int, Stage]) -> Pieces:
    """The file in order: bytes that go together, and the places that do not. Raises GitFailed, Trouble."""
    texts = {number: bench.objects.read(stage.blob, "blob") for number, stage in sides.items()}
    lines = {number: _lines(text) for number, text in texts.items()}
    is_text = all(_is_utf8(text) for text in texts.values())
    base, pieces, at = lines.get(1, []), list[bytes | Place](), 0
    changes = {number: changes_of(bench, sides, number, len(lines[number])) for number in (2, 3)}
    for first, last, seen in clusters(changes[2], changes[3]):
        spans = {number: stretch_for(changes[number], first, last) for number in (2, 3)}
        ours, theirs = (b"".join(lines[number][slice(*spans[number])]) for number in (2, 3))
        pieces += [b"".join(base[at:first])]
        if seen == BOTH and ours != theirs:
            before = b"".join(base[first:last])
            told = before + ours + theirs
            ends = _ends(told if LF in told else texts[2])
            typed = is_text and ends is not None and _survives(before, ours, theirs)
            starts = (spans[2][0] + 1, spans[3][0] + 1)
            pieces += [Place("", *starts, before, ours, theirs, ends or b"", typed, last == len(base))]
        else:
            pieces += [theirs if seen == {3} else ours]
        at = last
    return _named(path, [*pieces, b"".join(base[at:])])


def woven(pieces: Pieces, answers: Mapping[str, Answer]) -> bytes:
    """The file, where every place takes its answer."""
    parts = (piece if isinstance(piece, bytes) else piece.settled(answers[piece.id]) for piece in pieces)
    return b"".join(parts)


def places_of(pieces: Pieces) -> list[Place]:
    return [piece for piece in pieces if isinstance(piece, Place)]


def with_remembered(pieces: Pieces, settled: bytes) -> Pieces:
    """The same with what a settled file has at each place; as it was if that file differs elsewhere, too."""
    at, found = 0, dict[int, bytes]()
    for number, piece in enumerate(pieces):
        if isinstance(piece, bytes):
            is_end = number == len(pieces) - 1
            start = (len(settled) - len(piece) if is_end else settled.find(piece, at)) if number else 0
            if start < at or settled[start : start + len(piece)] != piece:
                return pieces
            if number:
                found[number - 1] = settled[at:start]
            at = start + len(piece)
    known = (found.get(number) for number in range(len(pieces)))
    both = zip(pieces, known, strict=True)
    return tuple(replace(piece, remembered=text) if isinstance(piece, Place) else piece for piece, text in both)


def _named(path: str, pieces: Sequence[bytes | Place]) -> Pieces:
    """Bytes and places in turn, bytes at both ends; each place with its id and with the lines around it.

    The id is made of what conflicts alone, so that an answer holds wherever the same conflict comes again.
    """
    turns: list[bytes | Place] = [b""]
    for piece in pieces:
        if isinstance(piece, bytes):
            turns[-1] += piece  # type: ignore[operator]  # the last one is bytes: a place is followed by some
        else:
            turns += [piece, b""]
    seen: dict[str, int] = {}
    for number, piece in enumerate(turns):
        if isinstance(piece, Place):
            told = _digest(path, piece.base, piece.ours, piece.theirs)
            seen[told] = seen.get(told, 0) + 1
            turns[number] = replace(
                piece,
                id=told if seen[told] == 1 else _digest(told, str(seen[told]).encode()),
                before=tuple(_lines(turns[number - 1])[-CONTEXT:]),  # type: ignore[arg-type]
                after=tuple(_lines(turns[number + 1])[:CONTEXT]),  # type: ignore[arg-type]
            )
    return tuple(turns)


def _digest(name: str, *parts: bytes) -> str:
    """Of each part its length too: no two conflicts are made of the same bytes."""
    told = hashlib.sha256(name.encode("utf-8", "surrogateescape"))
    for part in parts:
        told.update(b"\0%d\0" % len(part) + part)
    return told.hexdigest()[:ID_LENGTH]


def whole_id(path: str, *blobs: str) -> str:
    """The id of a choice between whole files."""
    return _digest(path, *(blob.encode() for blob in blobs))


def _joined(first: bytes, second: bytes, ends: bytes) -> bytes:
    return first + (b"" if first.endswith(LF) else ends or LF) + second


def _lines(text: bytes) -> list[bytes]:
    """With their ends; a form feed or U+2028 inside of a line is content."""
    lines = [line + LF for line in text.split(LF)]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def _ends(text: bytes) -> bytes | None:
    """CR LF or LF; nothing where no line ends, None where they are mixed."""
    with_cr, all_ends = text.count(CR), text.count(LF)
    if not all_ends:
        return b""
    return CR if with_cr == all_ends else LF if not with_cr else None


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _survives(*sides: bytes) -> bool:
    """Whether a page's field gives back what it was given: no control characters, and not too much of it."""
    return all(len(side) <= MOST_TYPED and is_plain(side.replace(CR, LF).decode()) for side in sides)


def is_plain(text: str) -> bool:
    """No control character but tabs and line feeds."""
    return all(character in "\t\n" or unicodedata.category(character) not in {"Cc", "Cs"} for character in text)
