"""Reads the header of a mail as people's programs really write it: encoded words, bare 8-bit names, odd dates."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.header import decode_header
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FIELD = re.compile(rb"([!-9;-~]{1,80}):[ \t]*(.*)\Z", re.DOTALL)
BRACKETS = re.compile(r"\s*\[([^\]]*)\]\s*")
NUMBERING = re.compile(r"(?:^|[\s_-])(\d{1,4})\s*/\s*(\d{1,4})$")
VERSION = re.compile(r"(?:^|[\s_-])v(\d{1,4})(?:$|[\s_-])", re.IGNORECASE)
MARKS_PATCH = re.compile(r"\bPATCH", re.IGNORECASE)
REPLY = re.compile(r"\s*(?:re|aw|antw|fwd?|wg|sv|tr)\s*:\s*", re.IGNORECASE)
EARLIEST, LATEST = datetime(1970, 1, 2, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)  # what git and people mean
NAME_LENGTH = 200
FIELD_LENGTH = 4096  # of a field's value; what decodes encoded words takes quadratic time
MOST_BRACKETS = 20


@dataclass(frozen=True)
class Subject:
    """A subject line without the marks that programs put before it."""

    text: str
    part: int | None = None
    parts: int | None = None
    version: int = 1
    reply: bool = False
    marked: bool = False


def read_fields(lines: Sequence[bytes]) -> dict[str, str]:
    """Header fields by lower-case name, unfolded and decoded; of a repeated one the first counts, as for git."""
    raw: dict[str, bytes] = {}
    name = ""
    for line in lines:
        if line[:1] in (b" ", b"\t") and name:
            raw[name] += b"\n" + line if len(raw[name]) < FIELD_LENGTH else b""
        elif found := FIELD.match(line):
            name = found[1].decode("ascii").lower()
            if name in raw:
                name = f"{name} again"
            raw[name] = found[2]
    return {key: decoded(value) for key, value in raw.items()}


def decoded(value: bytes) -> str:
    """Encoded words and bare 8-bit text as text on one line."""
    text = as_text(value[:FIELD_LENGTH])
    if "=?" in text:
        try:
            pieces = decode_header(text)
        except (HeaderParseError, ValueError):
            pieces = [(text, None)]
        text = "".join(piece if isinstance(piece, str) else as_text(piece, charset) for piece, charset in pieces)
    return clean(re.sub(r"\s+", " ", text))


def as_text(raw: bytes, charset: str | None = None) -> str:
    """Decode by the named charset if it is known and fits, else UTF-8, else Windows' western one."""
    for name in (charset, "utf-8", "cp1252"):
        try:
            return raw.decode(name or "utf-8")
        except (LookupError, ValueError):
            continue
    return raw.decode("latin-1")


def clean(text: str) -> str:
    """Without control characters, which neither a database nor a feed can hold, and without lone surrogates."""
    text = re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "", text)
    return text.encode("utf-8", "replace").decode().strip()


def read_author(value: str) -> tuple[str, str]:
    """Name and address; git forbids angle brackets and newlines inside either."""
    if found := re.match(r"([^<]*)<([^<>]*)>", value):
        return _plain(re.sub(r"\\(.)", r"\1", found[1])), _plain(found[2])
    if found := re.match(r"\s*(\S+@\S+)\s*(?:\(([^()]*)\))?", value):
        return _plain(found[2] or ""), _plain(found[1])
    return _plain(value), ""


def _plain(text: str) -> str:
    return re.sub(r"[<>\n\x00]", "", text).strip(" .,:;\"'")[:NAME_LENGTH]


def read_date(value: str) -> datetime | None:
    """The date with its zone, or None when there is none that makes sense."""
    if found := re.match(r"(\d{9,10})\s+([+-]?\d{1,5})\Z", value):  # as Mercurial and git write it raw
        return datetime.fromtimestamp(int(found[1]), UTC)
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = parse(value.strip())
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return moment if EARLIEST < moment < LATEST else None
    return None


def read_subject(value: str) -> Subject:
    """Take off "Re:" and the brackets up to the one that says PATCH or numbers the part; "[area] …" stays."""
    text, reply = _without_reply(value.strip())
    found: dict[str, int] = {}
    rest, best, marked = text, text, False
    for _ in range(MOST_BRACKETS):
        match = BRACKETS.match(rest)
        if not match:
            break
        rest, again = _without_reply(rest[match.end() :])
        reply = reply or again
        numbering, version = NUMBERING.search(match[1].strip()), VERSION.search(match[1])
        if numbering:
            found |= {"part": int(numbering[1]), "parts": int(numbering[2])}
        if numbering or MARKS_PATCH.search(match[1]):
            best, marked = rest, True
            found |= {"version": int(version[1])} if version else {}
    return Subject(best.strip(), reply=reply, marked=marked, **found)


def _without_reply(text: str) -> tuple[str, bool]:
    cut = REPLY.match(text)
    return (text[cut.end() :], True) if cut else (text, False)


def field_of(fields: Mapping[str, str], *names: str) -> str:
    return next((fields[name] for name in names if fields.get(name)), "")
