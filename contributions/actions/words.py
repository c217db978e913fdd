"""What people type, made fit to be stored: no control characters, no lone surrogates, no more than asked for."""

from __future__ import annotations

import unicodedata

from contributions.errors import Invalid, TooLarge

KEPT_CONTROLS = frozenset("\n\t")


def clean(text: str) -> str:
    """The text without characters that no database, feed or terminal should meet; line ends become LF."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(c for c in text if c in KEPT_CONTROLS or unicodedata.category(c) not in {"Cc", "Cs"})


def one_line(text: str, *, most: int, what: str, field: str) -> str:
    """A title or name: one line, trimmed, not empty, at most `most` characters."""
    text = " ".join(clean(text).split())
    if not text:
        raise Invalid(f"{what} is missing.", field=field)
    if len(text) > most:
        raise TooLarge(f"{what} has {len(text):,} characters; {most:,} is the most.", field=field)
    return text


def prose(text: str, *, most: int, what: str, field: str, needed: bool = False) -> str:
    """A text of several lines: trimmed, at most `most` bytes of UTF-8."""
    text = clean(text).strip()
    if needed and not text:
        raise Invalid(f"{what} is missing.", field=field)
    size = len(text.encode())
    if size > most:
        raise TooLarge(f"{what} has {size:,} bytes; {most:,} is the most.", field=field)
    return text
