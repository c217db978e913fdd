"""What a contribution claims, as it stands beneath the description: with counts, the newest ticks and one's own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from contributions.models import Tick

if TYPE_CHECKING:
    from contributions.models import Contribution

TICKS = 20  # of each claim on the page; REST has all


@dataclass(frozen=True)
class Shown:
    """A claim with its newest ticks and one's own: “holds”, “fails” or nothing."""

    claim: Any
    mine: str
    ticks: list[Any] = field(default_factory=list)


def claims_shown(contribution: Contribution, person: Any) -> list[Shown]:
    """In two queries, however many claims and ticks there are."""
    standing: list[Any] = list(contribution.claims.standing().with_ticks().with_own_tick(person))
    if not standing:
        return []
    ticks: dict[int, list[Any]] = {}
    for tick in Tick.objects.filter(claim__in=standing).newest_of_each(TICKS):
        ticks.setdefault(tick.claim_id, []).append(_placed(tick, contribution))
    words = {True: "holds", False: "fails", None: ""}
    return [Shown(claim, words[claim.mine], ticks.get(claim.pk, [])) for claim in standing]


def _placed(tick: Tick, contribution: Contribution) -> Any:
    """With whether it is of another revision than the current one, and of one that was changed since."""
    shown: Any = tick
    shown.of_other = tick.revision_id != contribution.current_id
    carries = contribution.current.carries if contribution.current else {}
    shown.is_stale = shown.of_other and str(tick.revision.number) not in carries
    return shown
