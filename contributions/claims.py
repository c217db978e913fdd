"""What a contribution says of itself, as people type it and as commit messages say it: bugs that it fixes, tests."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import Invalid, TooLarge

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST, TEXT_LENGTH, URL_LENGTH = 20, 300, 500
ADDRESS = re.compile(r"(?P<url>https?://[^\s<>\"']+?)[,;:]?(?:\s+(?P<text>.*))?", re.IGNORECASE)
# Closes: #12, Fixes https://bugs.example.org/12, Closes-Bug: 12; not the kernel's Fixes: 0123abcd ("subject").
TRAILER = re.compile(
    r"^(?:closes|close|fixes|fix|resolves|closes-bug)(?P<colon>:)?\s+"
    r"(?P<what>(?:https?://\S+|#?\d{1,12}(?![0-9a-f]))(?:\s*,\s*(?:https?://\S+|#?\d{1,12}))*)\s*$",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass(frozen=True)
class Line:
    """One claim: what it says, and where to read of it."""

    text: str
    url: str = ""

    def __str__(self) -> str:
        """As it is typed; reading this gives the same line."""
        return f"{self.url} {self.text}".strip() if self.text != _shown(self.url) else self.url


def lines_in(text: str, *, field: str) -> list[Line]:
    """Read one claim a line: words, or an address of the web and words. Raises Refusal."""
    lines = list(dict.fromkeys(_line(" ".join(line.split())) for line in text.splitlines() if line.strip()))
    if len(lines) > MOST:
        raise TooLarge(f"{len(lines)} lines are more than anybody tries; {MOST} is the most.", field=field)
    for line in lines:
        if len(line.text) > TEXT_LENGTH or len(line.url) > URL_LENGTH:
            raise TooLarge(f"“{line.text[:40]}…” is too long: {TEXT_LENGTH} letters is the most.", field=field)
        if not line.text:
            raise Invalid("A line says what it is about.", field=field)
    return lines


def _line(words: str) -> Line:
    found = ADDRESS.fullmatch(words)
    if found is None:
        return Line(words)
    url = found["url"]
    return Line((found["text"] or "").strip(" ,;:-") or _shown(url), url)


def _shown(url: str) -> str:
    """An address without what every address begins with."""
    return url.partition("://")[2].rstrip("/")[:TEXT_LENGTH]


def bugs_closed_by(messages: Iterable[str]) -> list[Line]:
    """What the trailers of commit messages say that they close, each once."""
    found: list[Line] = []
    for message in messages:
        for trailer in TRAILER.finditer(message):
            for word in re.split(r"\s*,\s*", trailer["what"]):
                is_address = word.lower().startswith("http")
                if not (is_address or word.startswith("#") or trailer["colon"]):
                    continue  # “fixes 3 of them” in a sentence
                found.append(_line(word) if is_address else Line(f"#{word.lstrip('#')}"))
    return [line for line in dict.fromkeys(found) if len(line.url) <= URL_LENGTH][:MOST]
