"""Regular expressions that people give: read by RE2, which takes time in proportion to the text, whatever they say."""

from __future__ import annotations

from typing import Any

import re2

from .errors import Invalid

LONGEST = 200  # letters; a name is told by far fewer
WHY = {
    "invalid perl operator": "It may not look ahead or behind",
    "invalid escape sequence": "It has an escape sequence that is not known here",
    "invalid repetition size": "It repeats something too often",
    "pattern too large": "It repeats something too often",
}


def read(pattern: str, noun: str = "pattern", *, field: str = "") -> Any:
    """The pattern with a `fullmatch`; `noun` names it. Raises Invalid for what is too long or no such expression."""
    if len(pattern) > LONGEST:
        raise Invalid(f"The {noun} is longer than {LONGEST} letters.", field=field)
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except (re2.error, UnicodeError) as fault:
        raise Invalid(f"The {noun} is not a regular expression: {_told(fault)}.", field=field) from None


def _told(fault: Exception) -> str:
    if isinstance(fault, UnicodeError):
        return "It holds letters that no text has"
    reason = b"".join(part for part in fault.args if isinstance(part, bytes)).decode("utf-8", "replace")
    kind, _, at = reason.partition(":")
    return WHY.get(kind, kind) + (f" ({at.strip()})" if at.strip() else "")
