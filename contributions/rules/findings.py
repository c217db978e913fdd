"""What the rules find: a check for each rule, and the list of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from contributions.rules.words import both

if TYPE_CHECKING:
    from datetime import datetime

NAMES = {
    "approvals": "approvals",
    "objections": "an objection to be settled",
    "cool-down": "the cool-down",
    "green-build": "a passed build",
    "licence": "a licence that is accepted",
    "sign-off": "the sign-off of its authors",
}
BY_PEOPLE = frozenset({"approvals", "objections"})


class Mark(StrEnum):
    """Where a contribution stands with one rule."""

    MET = "met"
    WAITING = "waiting"
    NOT_MET = "not-met"
    NOT_ASKED = "not-asked"


@dataclass(frozen=True)
class Check:
    """One rule: its name for machines, the rule and the finding in words, and when time alone may change it."""

    rule: str
    words: str
    mark: Mark
    detail: str = ""
    due: datetime | None = None

    @property
    def stands(self) -> bool:
        """Whether nothing is left to do for this rule."""
        return self.mark in {Mark.MET, Mark.NOT_ASKED}


@dataclass(frozen=True)
class Checklist:
    """The checks of one contribution."""

    checks: tuple[Check, ...]

    @property
    def is_met(self) -> bool:
        return not self._left

    @property
    def is_approved_by_people(self) -> bool:
        return BY_PEOPLE.isdisjoint(self._left)

    @property
    def due(self) -> datetime | None:
        """When to look again, because time alone may change something."""
        return min((check.due for check in self.checks if check.due), default=None)

    @property
    def summary(self) -> str:
        """In one sentence, what it waits for."""
        if self.is_met:
            return "All rules are met."
        begin = "Approved by people; it waits for" if self.is_approved_by_people else "It waits for"
        return f"{begin} {both(tuple(NAMES[rule] for rule in self._left))}."

    @property
    def _left(self) -> tuple[str, ...]:
        return tuple(check.rule for check in self.checks if not check.stands)
