"""What people type, made fit to be stored, and no more of it than was asked for."""

from __future__ import annotations

from contributions.errors import Invalid, TooLarge
from contributions.plaintext import clean


def one_line(text: str, *, most: int, what: str, field: str, needed: bool = True) -> str:
    """A title or name: one line, trimmed, not empty unless it is not needed, at most `most` characters."""
    text = " ".join(clean(text).split())
    if needed and not text:
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
