"""Strangers' text made fit to be stored and shown: no control characters, no lone surrogates, LF line ends."""

from __future__ import annotations

import unicodedata

KEPT_CONTROLS = frozenset("\n\t")


def clean(text: str) -> str:
    """The text without characters that no database, feed or terminal should meet."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(c for c in text if c in KEPT_CONTROLS or unicodedata.category(c) not in {"Cc", "Cs"})
