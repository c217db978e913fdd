"""How often what somebody shared, once approved, held: told on their page, by a rule that fits into a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Count, Exists, F, OuterRef, Q

from .advisory import Advisory
from .contribution import Contribution
from .event import Event
from .standing import Standing

if TYPE_CHECKING:
    from .person import Person

FEWEST = 3  # approved ones below which a share says nothing


@dataclass(frozen=True)
class Reliability:
    """Of `approved` contributions that somebody may know of, `held` were not taken back and work where they run."""

    approved: int
    held: int

    @property
    def tells(self) -> bool:
        return self.approved >= FEWEST

    @property
    def share(self) -> int:
        """In percent."""
        return round(100 * self.held / self.approved) if self.approved else 0

    @property
    def sentence(self) -> str:
        if not self.approved:
            return "None approved yet."
        if not self.tells:
            return f"{self.approved} approved so far: too few to tell how well they hold."
        return f"{self.held} of {self.approved} approved ones hold ({self.share} %)."


def reliability_of(author: Person) -> Reliability:
    """By one query.

    It held if it was not withdrawn, rejected or put in quarantine afterwards, no advisory names it, and there is no
    supported release on which more organisations say “broken” than “works”.
    """
    approved = Contribution.objects.filter(author=author, current__isnull=False, is_draft=False).filter(
        Exists(Event.objects.filter(contribution=OuterRef("pk"), verb=Event.Verb.APPROVED))
    )
    broken = Standing.objects.filter(contribution=OuterRef("pk"), broken_count__gt=F("works_count"))
    advised = Advisory.objects.standing().filter(affected__contribution=OuterRef("pk"))
    stands = Q(quarantined_at=None) & ~Q(state__in=["withdrawn", "rejected"])
    holds = stands & ~Q(Exists(broken)) & ~Q(Exists(advised))
    totals = approved.aggregate(approved=Count("pk"), held=Count("pk", filter=holds))
    return Reliability(**totals)
