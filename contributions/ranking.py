"""The published ranking: how sure we are that a contribution holds on a release.

The score is the lower bound of the Wilson interval (E. B. Wilson, "Probable Inference, the Law of Succession, and
Statistical Inference", JASA 22, 1927) at z = 1.2816, the one-sided 90 % and two-sided 80 % quantile, over weighted and
decayed evidence. Comments never count.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

Z = 1.2816
HALF_LIFE = timedelta(days=180)
VOTE_WEIGHT, VOTES_AT_MOST = 0.25, 4.0
STAGE_WEIGHTS = {"lab": 1.0, "staging": 2.0, "production": 4.0}
BROKEN_WEIGHT = 1.5
EARLIER_WEIGHT = 0.5  # of what was said of an earlier revision, to which the current one only adds files
GREEN_BUILD_WEIGHT, BROKEN_BUILD_WEIGHT = 0.5, 1.0
NEGLIGIBLE = 1e-9  # evidence decayed to this counts as none; its square would no longer fit a float
ACTIVITY_STEP = timedelta(days=14)


@dataclass(frozen=True)
class Voice:
    """What one organisation last said of a contribution on a release."""

    works: bool
    stage: str
    age: timedelta
    is_earlier: bool = False  # of an earlier revision, to which the current one only adds files

    @property
    def weight(self) -> float:
        """The stage's weight, halved every 180 days, and once for an earlier revision."""
        stage = STAGE_WEIGHTS[self.stage] * (EARLIER_WEIGHT if self.is_earlier else 1)
        return stage * 2 ** -max(self.age / HALF_LIFE, 0.0)


@dataclass(frozen=True)
class Evidence:
    """All that counts for or against a contribution on one release; `earlier_…` votes are of an earlier revision."""

    up: int = 0
    down: int = 0
    voices: tuple[Voice, ...] = ()
    green_builds: int = 0
    broken_builds: int = 0
    earlier_up: int = 0
    earlier_down: int = 0

    @cached_property
    def parts(self) -> dict[str, float]:
        """The summands by name, so that a page can show them beside the number; `against_` parts speak against."""
        return {
            "for_votes": _of_votes(self.up, self.earlier_up),
            **{f"for_{stage}": sum(voice.weight for voice in self._works_in(stage)) for stage in STAGE_WEIGHTS},
            "for_builds": GREEN_BUILD_WEIGHT * self.green_builds,
            "against_votes": _of_votes(self.down, self.earlier_down),
            "against_reports": BROKEN_WEIGHT * sum(voice.weight for voice in self.voices if not voice.works),
            "against_builds": BROKEN_BUILD_WEIGHT * self.broken_builds,
        }

    @property
    def counts(self) -> dict[str, int]:
        """How many votes, organisations and builds each part is of, by the same names."""
        return {
            "for_votes": self.up + self.earlier_up,
            **{f"for_{stage}": len(self._works_in(stage)) for stage in STAGE_WEIGHTS},
            "for_builds": self.green_builds,
            "against_votes": self.down + self.earlier_down,
            "against_reports": sum(not voice.works for voice in self.voices),
            "against_builds": self.broken_builds,
        }

    def _works_in(self, stage: str) -> list[Voice]:
        return [voice for voice in self.voices if voice.works and voice.stage == stage]

    @property
    def success(self) -> float:
        return sum(value for name, value in self.parts.items() if name.startswith("for_"))

    @property
    def failure(self) -> float:
        return sum(value for name, value in self.parts.items() if name.startswith("against_"))

    @property
    def score(self) -> float:
        """From 0 to 1."""
        return wilson(self.success, self.success + self.failure)


def _of_votes(now: int, earlier: int) -> float:
    return min(VOTE_WEIGHT * (now + EARLIER_WEIGHT * earlier), VOTES_AT_MOST)


def wilson(success: float, total: float, z: float = Z) -> float:
    """The lower bound of the Wilson interval for `success` out of `total`; 0 without evidence."""
    if total < NEGLIGIBLE:
        return 0.0
    share, square = success / total, z * z
    centre = share + square / (2 * total)
    margin = z * math.sqrt(max(share * (1 - share) / total + square / (4 * total * total), 0.0))
    return max((centre - margin) / (1 + square / total), 0.0) if success else 0.0


def activity(up: int, down: int, last_evidence: datetime) -> float:
    """A number that grows with time and votes and never needs to be recomputed for old things.

    sign * log10(max(|up - down|, 1)) + last evidence / 14 days (since 1970).
    """
    balance = up - down
    return (
        math.copysign(math.log10(max(abs(balance), 1)), balance)
        + last_evidence.timestamp() / ACTIVITY_STEP.total_seconds()
    )
