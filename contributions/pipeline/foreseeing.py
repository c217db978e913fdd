"""What patterns would make of upstream's names, told before they are set.

The names are kept in the cache by each pull, so that no page asks git; without them the next pull has to come first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from django.core.cache import cache

from contributions.checkout.mirror import Found, version_order
from contributions.models import Release

from .finding_releases import BRANCH, TAG, chosen, not_over

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from contributions.models import Component

KEPT_SECONDS = 30 * 24 * 3600
MOST_KEPT = 10_000  # names of a component, the last committed first
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Name:
    """One of upstream's names that a pattern takes: a tag or a branch, and whether it is a release already."""

    name: str
    is_branch: bool
    is_known: bool


@dataclass(frozen=True)
class Foresight:
    """What the patterns take, newest version first, and what they leave."""

    releases: tuple[Name, ...]
    candidates: tuple[Name, ...]
    over: int  # candidates that are no news any more
    left: int  # tags that no pattern takes
    branches: tuple[str, ...]  # that are not followed
    gone: tuple[str, ...]  # supported releases that no pattern takes any more; they stay

    @property
    def new(self) -> int:
        return sum(not name.is_known for name in (*self.releases, *self.candidates))


def keep(component: int, names: Iterable[Found]) -> None:
    newest = sorted(names, key=lambda found: found.committed_at or NEVER, reverse=True)[:MOST_KEPT]
    cache.set(_key(component), [(found.name, found.kind, found.committed_at) for found in newest], KEPT_SECONDS)


def foresee(component: Component, *, release_pattern: str, candidate_pattern: str) -> Foresight | None:
    """None while upstream's names are not known here. Raises Invalid for a pattern that is no regular expression."""
    kept = cache.get(_key(component.pk))
    names = [Found(name, kind, "", when) for name, kind, when in kept or ()]
    finals, candidates = chosen(names, release_pattern, candidate_pattern)
    if kept is None:
        return None
    early = not_over(candidates, finals)
    known = dict(component.releases.values_list("name", "state"))
    taken = {found.name for found in (*finals, *candidates)}
    return Foresight(
        releases=_told(finals, known),
        candidates=_told(early, known),
        over=len(candidates) - len(early),
        left=sum(found.kind == TAG and found.name not in taken for found in names),
        branches=tuple(sorted(found.name for found in names if found.kind == BRANCH and found.name not in taken)),
        gone=tuple(name for name, state in known.items() if state == Release.State.SUPPORTED and name not in taken),
    )


def _told(found: Sequence[Found], known: Iterable[str]) -> tuple[Name, ...]:
    newest = sorted(found, key=lambda one: version_order(one.name), reverse=True)
    return tuple(Name(one.name, one.kind == BRANCH, one.name in known) for one in newest)


def _key(component: int) -> str:
    return f"upstream-names-{component}"
