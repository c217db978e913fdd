"""Takes the wrapping off an upload: byte order marks, foreign line ends, mail folders, mails, attachments.

What is left is a list of letters: a header, if it was a mail, and the texts in which to look for changes. The bytes of
those texts are never converted between encodings, for a diff's bytes are the files' bytes.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from contributions.errors import Invalid
from contributions.patches.headers import FIELD, read_fields
from contributions.patches.text import Text, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contributions.patches.limits import Limits

PACKED = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"7z\xbc\xaf": "7z",
    b"%PDF": "PDF",
}
WIDE = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
# A line that begins a mail in a folder, as git-mailsplit takes it: the last colon stands in a time before a year.
FOLDER_LINE = re.compile(rb"^From .*\d.\d\d:\d\d[ \t]*\+?(?:9[1-9]|\d{3,})[^:\n]*$", re.MULTILINE)
MAIL_FIELDS = {"from", "subject", "date", "message-id", "received", "return-path", "content-type", "mime-version"}
CHANGE = re.compile(rb"^(?:diff --git |--- \S)", re.MULTILINE)
MERCURIAL = b"# HG changeset patch"
NEVER_PATCHES = {"text/html", "text/calendar", "text/vcard", "text/x-vcard", "application/pgp-signature"}
DEEPEST = 4  # mails within mails


@dataclass
class Letter:
    """One mail, or one bare text (then `fields` is empty). `flowed` texts may be wrapped by the rules of RFC 3676."""

    fields: dict[str, str]
    texts: list[Text] = field(default_factory=list)
    charset: str | None = None
    flowed: bool = False
    at: str = "Line 1"
    line_ends_guessed: bool = False  # every line had a CR, which was taken for the transport's


def is_bundle(raw: bytes) -> bool:
    """Whether these bytes are a git bundle, which git must unpack."""
    return raw.startswith((b"# v2 git bundle\n", b"# v3 git bundle\n"))


@dataclass(frozen=True)
class Opening:
    """How far into each other mails are packed here, and how many letters there may be."""

    limits: Limits
    depth: int = 0

    def deeper(self) -> Opening:
        return Opening(self.limits, self.depth + 1)

    def check(self, letters: list[Letter]) -> None:
        self.limits.check_patches(len(letters) - 1)  # a cover letter is none


def open_envelopes(raw: bytes, opening: Opening, first: int = 1, where: str = "") -> list[Letter]:
    """All letters in `raw`, in the order in which they stand."""
    if opening.depth > DEEPEST:
        raise Invalid(f"Line {first}{where}: the mails in this upload are packed into each other too deeply.")
    raw = _as_bytes_of_text(raw)
    letters: list[Letter] = []
    whole = raw.lstrip(b"\r\n")
    first += raw[: len(raw) - len(whole)].count(b"\n")
    raw = whole
    for start, piece in _pieces(raw):
        line = first + raw.count(b"\n", 0, start)
        plain = _without_carriage_returns(piece)
        opened = _open_one(plain, line, where, opening)
        for letter in opened:
            letter.line_ends_guessed = letter.line_ends_guessed or len(plain) < len(piece)
        letters += opened
        opening.check(letters)
    return letters


def _as_bytes_of_text(raw: bytes) -> bytes:
    for magic, name in PACKED.items():
        if raw.startswith(magic):
            raise Invalid(f"This is a {name} file, not a patch; unpack it and send the patch inside.")
    if is_bundle(raw):
        raise Invalid("This is a git bundle, not a patch.")
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    if raw[:2] in WIDE:
        return _narrow(raw)
    if not raw.strip():
        raise Invalid("The upload is empty.")
    nul = raw.find(b"\x00")
    if nul >= 0:
        line = raw.count(b"\n", 0, nul) + 1
        raise Invalid(f"Line {line}: a NUL byte; this is not the text of a patch.")
    return raw


def _narrow(raw: bytes) -> bytes:
    """UTF-16, as some shells redirect into; safe only while every character is ASCII."""
    try:
        return raw[2:].decode(WIDE[raw[:2]]).encode("ascii")
    except UnicodeError:
        raise Invalid(
            "The upload is UTF-16 with characters beyond ASCII, so the bytes of the files are lost; "
            "let git write the file itself: git format-patch, or git diff --output=FILE."
        ) from None


def _without_carriage_returns(raw: bytes) -> bytes:
    """Take the CR off only if every line has one: then the transport gave it; else it is the files' own."""
    ends = raw.count(b"\n")
    if ends and raw.count(b"\r\n") == ends:
        return raw.replace(b"\r\n", b"\n")
    return raw


def _pieces(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """Mails of a folder; changesets of Mercurial; else the whole."""
    starts = [0]
    if raw.startswith(b"From ") and FOLDER_LINE.match(raw):
        starts = [found.start() for found in FOLDER_LINE.finditer(raw)]
    elif raw.startswith(MERCURIAL):
        starts = [found.start() for found in re.finditer(b"^" + MERCURIAL, raw, re.MULTILINE)]
    for start, end in zip(starts, [*starts[1:], len(raw)], strict=True):
        yield start, raw[start:end]


def _open_one(raw: bytes, first: int, where: str, opening: Opening) -> list[Letter]:
    skipped = raw.index(b"\n") + 1 if raw.startswith(b"From ") and b"\n" in raw else 0
    header_end = _header_end(raw, skipped)
    at = f"Line {first}{where}"
    if header_end is None:
        return [Letter({}, [text_of(raw, first, where)], at=at)]
    fields = read_fields(raw[skipped:header_end].split(b"\n"))
    letter = Letter(fields, at=at)
    body_line = first + raw.count(b"\n", 0, header_end) + 1
    nested: list[Letter] = []
    leaves = list(_leaves(Leaf(fields, raw[header_end + 1 :], body_line, where), opening.depth))
    for leaf in leaves:
        _take_leaf(letter, nested, leaf, opening)
        opening.check(nested)
    if not letter.texts and not nested and any(leaf.kind == "text/html" for leaf in leaves):
        raise Invalid(f"{at}: this mail is HTML only; send plain text, or the patch as an attachment.")
    return [letter, *nested]


def _header_end(raw: bytes, start: int) -> int | None:
    """The offset of the newline that ends the header; None if this is no mail."""
    position, names = start, set()
    while (end := raw.find(b"\n", position)) > position:
        line = raw[position:end]
        if found := FIELD.match(line):
            names.add(found[1].decode("ascii").lower())
        elif line[:1] not in (b" ", b"\t") or position == start:
            return None
        position = end + 1
    is_mail = len(names & MAIL_FIELDS) > 1 or names & {"subject"}
    return position if end == position and is_mail else None


@dataclass(frozen=True)
class Leaf:
    """A part of a mail: its own header, its bytes as they stand, the line in which they begin."""

    fields: dict[str, str]
    body: bytes
    line: int
    where: str

    @property
    def kind(self) -> str:
        return self.fields.get("content-type", "text/plain").partition(";")[0].strip().lower()

    @property
    def name(self) -> str:
        disposition = self.fields.get("content-disposition", "")
        return (_parameter(disposition, "filename") or self.parameter("name") or "")[:80]

    def parameter(self, name: str) -> str | None:
        return _parameter(self.fields.get("content-type", ""), name)

    def decoded(self) -> Leaf:
        """Without its transfer encoding; lines then count in the decoded text, and the place says so."""
        encoding = self.fields.get("content-transfer-encoding", "").lower().strip()
        if encoding == "quoted-printable":
            body = binascii.a2b_qp(self.body)
        elif encoding == "base64":
            body = self._from_base64()
        else:
            return self
        place = f" of the attachment {self.name}" if self.name else " of the decoded mail"
        return Leaf(self.fields, body, 1, self.where or place)

    def _from_base64(self) -> bytes:
        try:
            return binascii.a2b_base64(self.body)
        except binascii.Error:
            raise Invalid(f"Line {self.line}{self.where}: the base64 text of this mail is damaged.") from None


def _parameter(value: str, name: str) -> str | None:
    found = re.search(rf";\s*{name}\s*=\s*(?:\"([^\"]*)\"|([^\s;\"]+))", value, re.IGNORECASE)
    return (found[1] or found[2]) if found else None


# parts of a mail


def _leaves(leaf: Leaf, depth: int) -> Iterator[Leaf]:
    """The parts that have no parts, of the alternatives not the HTML one."""
    boundary = leaf.parameter("boundary")
    if not leaf.kind.startswith("multipart/") or not boundary:
        yield leaf
        return
    if depth > DEEPEST:
        raise Invalid(f"Line {leaf.line}{leaf.where}: the parts of this mail are packed into each other too deeply.")
    parts = list(_split(leaf, boundary))
    if leaf.kind == "multipart/alternative":
        parts = [part for part in parts if part.kind != "text/html"] or parts
    for part in parts:
        yield from _leaves(part, depth + 1)


def _split(leaf: Leaf, boundary: str) -> Iterator[Leaf]:
    """The bytes between the boundary's lines, untouched: the newline before a boundary belongs to it."""
    mark = re.compile(rb"(?:\A|\r?\n)--" + re.escape(boundary.encode()) + rb"(?:--)?[ \t]*\r?(?=\n|\Z)")
    marks = list(mark.finditer(leaf.body))
    for opening, closing in zip(marks, [*marks[1:], None], strict=True):
        if opening[0].rstrip().endswith(b"--") and not boundary.endswith("--"):
            return
        end = closing.start() if closing else len(leaf.body)
        raw = leaf.body[opening.end() + 1 : end]
        heading, blank, body = (b"\n" + raw).partition(b"\n\n")
        if not blank:
            continue
        line = leaf.line + leaf.body.count(b"\n", 0, opening.end() + 1) + heading.count(b"\n") + 1
        yield Leaf(read_fields(heading[1:].split(b"\n")), body, line, leaf.where)


def _take_leaf(letter: Letter, nested: list[Letter], leaf: Leaf, opening: Opening) -> None:
    leaf = leaf.decoded()
    if not leaf.body.strip() or not _may_hold_patch(leaf):
        return
    if leaf.kind == "message/rfc822":
        nested += open_envelopes(leaf.body, opening.deeper(), leaf.line, leaf.where)
        return
    text = _as_bytes_of_text(leaf.body)
    body = _without_carriage_returns(text)
    is_letter = body.startswith((b"From ", MERCURIAL)) or _header_end(body, 0) is not None
    if is_letter and CHANGE.search(body):
        nested += open_envelopes(body, opening.deeper(), leaf.line, leaf.where)
        return
    letter.line_ends_guessed = letter.line_ends_guessed or len(body) < len(text)
    letter.charset = letter.charset or leaf.parameter("charset")
    letter.flowed = letter.flowed or (leaf.parameter("format") or "").lower() == "flowed"
    letter.texts.append(text_of(body, leaf.line, leaf.where))


def _may_hold_patch(leaf: Leaf) -> bool:
    if leaf.kind in NEVER_PATCHES or leaf.kind.startswith(("image/", "audio/", "video/")):
        return False
    if leaf.kind.startswith(("text/", "message/")) or leaf.name.endswith((".patch", ".diff", ".txt", ".eml", ".mbox")):
        return True
    return bool(CHANGE.search(leaf.body)) or any(leaf.body.startswith(magic) for magic in PACKED if magic != b"%PDF")
