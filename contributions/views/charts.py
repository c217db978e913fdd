"""Figures drawn on the server, as numbers that a template writes into SVG."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

WORDS = {
    "for_reports": "reports that it works",
    "for_votes": "votes up",
    "for_builds": "builds that pass",
    "against_builds": "builds that it broke",
    "against_votes": "votes down",
    "against_reports": "reports that it is broken",
}
WIDTH = 600  # units of the drawing's own coordinates


@dataclass(frozen=True)
class Segment:
    name: str
    words: str
    value: float
    start: float
    width: float

    @property
    def speaks_for(self) -> bool:
        return self.name.startswith("for_")


def evidence_bar(parts: Mapping[str, float]) -> list[Segment]:
    """The summands of a score, end to end; what speaks for it first."""
    total = sum(parts.get(name, 0) for name in WORDS)
    segments, start = [], 0.0
    for name, words in WORDS.items():
        value = parts.get(name, 0)
        if value > 0:
            width = WIDTH * value / total
            segments.append(Segment(name, words, round(value, 2), round(start, 1), round(width, 1)))
            start += width
    return segments
