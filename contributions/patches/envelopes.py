"""Takes the wrapping off an upload: byte order marks, foreign line ends, mail folders, mails, attachments.

What is left is a list of letters: a header, if it was a mail, and the texts in which to look for changes. The bytes of
those texts are never converted between encodings, for a diff's bytes are the files' bytes.
"""

from __future__ import annotations

import binascii
import quopri
import re
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from typing import TYPE_CHECKING, cast

from contributions.errors import Invalid
from contributions.patches.headers import FIELD, as_text, read_fields
from contributions.patches.text import Text, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

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
DEEPEST = 4  # mails within mails


@dataclass
class Letter:
    """One mail, or one bare text (then `fields` is empty). `flowed` texts may be wrapped by the rules of RFC 3676."""

    fields: dict[str, str]
    texts: list[Text] = field(default_factory=list)
    charset: str | None = None
    flowed: bool = False
    at: str = "Line 1"


def is_bundle(raw: bytes) -> bool:
    """Whether these bytes are a git bundle, which git must unpack."""
    return raw.startswith((b"# v2 git bundle\n", b"# v3 git bundle\n"))


def open_envelopes(raw: bytes, first: int = 1, where: str = "", depth: int = 0) -> list[Letter]:
    """All letters in `raw`, in the order in which they stand."""
    if depth > DEEPEST:
        raise Invalid(f"Line {first}{where}: the mails in this upload are packed into each other too deeply.")
    raw = _as_bytes_of_text(raw)
    letters: list[Letter] = []
    whole = raw.lstrip(b"\r\n")
    first += raw[: len(raw) - len(whole)].count(b"\n")
    raw = whole
    for start, piece in _pieces(raw):
        line = first + raw.count(b"\n", 0, start)
        letters += _open_one(_without_carriage_returns(piece), line, where, depth)
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


def _open_one(raw: bytes, first: int, where: str, depth: int) -> list[Letter]:
    skipped = raw.index(b"\n") + 1 if raw.startswith(b"From ") and b"\n" in raw else 0
    header_end = _header_end(raw, skipped)
    if header_end is None:
        return [Letter({}, [text_of(raw, first, where)], at=f"Line {first}{where}")]
    fields = read_fields(raw[skipped:header_end].split(b"\n"))
    letter = Letter(fields, at=f"Line {first}{where}")
    body_line = first + raw.count(b"\n", 0, header_end) + 1
    kind = fields.get("content-type", "text/plain").lower()
    if kind.startswith(("multipart/", "message/")):
        return _open_parts(letter, raw[skipped:], first + (skipped > 0), where, depth)
    if kind.startswith("text/html"):
        raise Invalid(f"{letter.at}: this mail is HTML; send it as plain text, or the patch as an attachment.")
    letter.charset = _parameter(kind, "charset")
    letter.flowed = _parameter(kind, "format") == "flowed"
    body, where = _transported(raw[header_end + 1 :], fields, where)
    letter.texts.append(text_of(body, 1 if "decoded" in where else body_line, where))
    return [letter]


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


def _parameter(kind: str, name: str) -> str | None:
    found = re.search(rf";\s*{name}\s*=\s*\"?([^\s;\"]+)", kind)
    return found[1] if found else None


def _transported(body: bytes, fields: dict[str, str], where: str) -> tuple[bytes, str]:
    """Undo the transfer encoding; line numbers then count in the decoded text, and the place says so."""
    encoding = fields.get("content-transfer-encoding", "").lower().strip()
    if encoding == "quoted-printable":
        body = quopri.decodestring(body)
    elif encoding == "base64":
        body = _from_base64(body)
    else:
        return body, where
    return _without_carriage_returns(_as_bytes_of_text(body)), where or " of the decoded mail"


def _from_base64(body: bytes) -> bytes:
    try:
        return binascii.a2b_base64(body)
    except binascii.Error:
        raise Invalid("The base64 text of this mail is damaged.") from None


# attachments


def _open_parts(letter: Letter, raw: bytes, first: int, where: str, depth: int) -> list[Letter]:
    nested: list[Letter] = []
    whole = Place(raw, first, depth)
    html = False
    for part in _leaves(message_from_bytes(raw), depth):
        if part.get_content_type() == "message/rfc822":
            inner = cast("list[Message]", part.get_payload())[0].as_bytes()
            nested += open_envelopes(inner, whole.line_of(inner), where, depth + 1)
            continue
        html = html or part.get_content_type() == "text/html"
        if not _may_hold_patch(part):
            continue
        _add_part(letter, nested, part, whole)
    if html and not letter.texts and not nested:
        raise Invalid(f"{letter.at}: this mail is HTML only; send plain text, or the patch as an attachment.")
    return [letter, *nested]


def _leaves(message: Message, depth: int) -> Iterator[Message]:
    if message.get_content_type() == "message/rfc822" or not message.is_multipart():
        yield message
        return
    if depth > DEEPEST:
        raise Invalid("The parts of this mail are packed into each other too deeply.")
    parts = [part for part in message.get_payload() if isinstance(part, Message)]
    if message.get_content_type() == "multipart/alternative":
        parts = [part for part in parts if part.get_content_type() != "text/html"] or parts
    for part in parts:
        yield from _leaves(part, depth + 1)


def _may_hold_patch(part: Message) -> bool:
    kind = part.get_content_type()
    name = str(part.get_filename() or "")
    if kind in {"text/html", "text/calendar", "text/vcard", "text/x-vcard"} or kind.startswith(("image/", "audio/")):
        return False
    if kind.startswith("text/") or name.endswith((".patch", ".diff", ".txt", ".eml", ".mbox")):
        return True
    body = part.get_payload(decode=True)
    return isinstance(body, bytes) and (bool(CHANGE.search(body)) or _is_packed(body))


def _is_packed(body: bytes) -> bool:
    return any(body.startswith(magic) for magic in PACKED if magic != b"%PDF")


def _add_part(letter: Letter, nested: list[Letter], part: Message, whole: Place) -> None:
    body = cast("bytes", part.get_payload(decode=True))
    if not body.strip():
        return
    line, where = whole.of(part, body)
    body = _without_carriage_returns(_as_bytes_of_text(body))
    is_letter = body.startswith((b"From ", MERCURIAL)) or _header_end(body, 0) is not None
    if is_letter and CHANGE.search(body):
        nested += open_envelopes(body, line, where, whole.depth + 1)
        return
    letter.charset = letter.charset or part.get_content_charset()
    letter.flowed = letter.flowed or str(part.get_param("format", "")).lower() == "flowed"
    letter.texts.append(text_of(body, line, where))


@dataclass(frozen=True)
class Place:
    """A mail in the upload, to tell in which line of it a part begins."""

    raw: bytes
    first: int
    depth: int

    def of(self, part: Message, body: bytes) -> tuple[int, str]:
        """The line, and the name of the part if its lines can only be counted after decoding."""
        name = as_text(str(part.get_filename() or "").encode("utf-8", "replace"))[:80]
        if str(part.get("content-transfer-encoding", "")).lower().strip() in {"base64", "quoted-printable"}:
            return 1, f" of the attachment {name}" if name else " of the decoded mail"
        return self.line_of(body), ""

    def line_of(self, body: bytes) -> int:
        start = self.raw.find(body.strip()[:2000])
        return self.first + self.raw.count(b"\n", 0, max(start, 0))
