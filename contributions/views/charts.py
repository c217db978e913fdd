"""Figures drawn on the server, as numbers that a template writes into SVG."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

WORDS = {  # of each part of a score: one of them, and several
    "for_production": ("organisation in production", "organisations in production"),
    "for_staging": ("organisation in staging", "organisations in staging"),
    "for_lab": ("organisation in the lab", "organisations in the lab"),
    "for_builds": ("build that passes", "builds that pass"),
    "for_votes": ("vote up", "votes up"),
    "against_builds": ("build that it broke", "builds that it broke"),
    "against_votes": ("vote down", "votes down"),
    "against_reports": ("organisation it is broken for", "organisations it is broken for"),
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

    @property
    def sentence(self) -> str:
        """What it is of, and what that weighs."""
        return f"{self.words}: {self.value:g} {'for' if self.speaks_for else 'against'}"


def evidence_bar(parts: Mapping[str, float], counts: Mapping[str, int]) -> list[Segment]:
    """The summands of a score, end to end; what speaks for it first."""
    total = sum(parts.get(name, 0) for name in WORDS)
    segments, start = [], 0.0
    for name in WORDS:
        value = parts.get(name, 0)
        if value > 0:
            width = WIDTH * value / total
            segments.append(Segment(name, _counted(name, counts), round(value, 2), round(start, 1), round(width, 1)))
            start += width
    return segments


def _counted(name: str, counts: Mapping[str, int]) -> str:
    """The number and the noun; without a number where it was counted before numbers were kept."""
    one, several = WORDS[name]
    count = counts.get(name)
    return several if count is None else f"{count} {one if count == 1 else several}"
