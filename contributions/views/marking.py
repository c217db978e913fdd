"""Marks the words that were looked for in what was found."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

if TYPE_CHECKING:
    from collections.abc import Collection

PIECE = re.compile(r"[^\W_]+|[\W_]+")
WORD = re.compile(r"[^\W_]+")
ENDING = 3  # letters that a word may lose or gain and still mean the same: retry, retries
STEM = 4
BEFORE, AFTER = 60, 140  # characters of an excerpt on both sides of the first word found


def is_alike(word: str, sought: str) -> bool:
    if len(sought) < STEM:
        return word in {sought, f"{sought}s"}
    return word.startswith(sought[: max(STEM, len(sought) - ENDING)]) and len(word) <= len(sought) + ENDING


def _is_sought(word: str, marks: Collection[str]) -> bool:
    return any(is_alike(word.lower(), sought) for sought in marks)


def marked(text: str, marks: Collection[str]) -> SafeString:
    pieces = ((piece, escape(piece)) for piece in PIECE.findall(text))
    shown = (f"<mark>{safe}</mark>" if _is_sought(piece, marks) else safe for piece, safe in pieces)
    return mark_safe("".join(shown))  # noqa: S308 - every piece is escaped


def excerpt(text: str, marks: Collection[str]) -> SafeString | str:
    """Some words around the first one that was looked for; nothing when there is none."""
    found = next((word for word in WORD.finditer(text) if _is_sought(word[0], marks)), None)
    if found is None:
        return ""
    start, end = max(0, found.start() - BEFORE), found.end() + AFTER
    piece = " ".join(text[start:end].split())
    words = piece.split(" ")[bool(start) :]  # the first one may be cut through
    if end < len(text):
        words = words[:-1]
    shown = " ".join(words)
    return marked(f"{'… ' if start else ''}{shown}{' …' if end < len(text) else ''}", marks)
