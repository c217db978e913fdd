"""What upstream has becomes releases: finals and candidates by their patterns, branches by their tips."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from contributions.checkout.mirror import Found, matching, version_of, version_order
from contributions.checkout.repositories import is_ancestor
from contributions.models import Component, Event, Release

from .baselining import queue_baselines
from .settling import settle_later

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from pathlib import Path

    from contributions.models.work import Work

MOST_NEW = 200  # releases that one pull makes; the next one goes on
MOST_RELEASES = 2000  # of a component
MOST_NAMED = 5  # in a sentence
LONGEST = 100  # letters of a release's name
TAG, BRANCH = Release.Kind.TAG, Release.Kind.BRANCH


@dataclass
class Taken:
    """What a pull found, in sentences for people, and what it queued."""

    seen: int = 0
    new: int = 0
    left: int = 0
    moved_tags: list[str] = field(default_factory=list)
    forced: list[str] = field(default_factory=list)
    vanished: list[str] = field(default_factory=list)
    retired: list[str] = field(default_factory=list)
    queued: list[Work] = field(default_factory=list)

    @property
    def sentence(self) -> str:
        return " ".join([f"{self.seen} releases seen, {self.new} new.", *self._oddities()])

    def _oddities(self) -> Iterable[str]:
        """A tag is meant to stay where it is; what was built from the old commit would not be what it says."""
        if self.retired:
            yield f"Retired, as upstream has something newer: {_named(self.retired)}."
        if self.left:
            yield f"{self.left} more match and were left for the next pull."
        if self.moved_tags:
            yield f"Upstream moved the tag of {_named(self.moved_tags)}: the portal stays with the commit that it had."
        if self.forced:
            yield f"Upstream rewrote the branch {_named(self.forced)}: its new tip does not come from the old one."
        if self.vanished:
            yield f"Upstream has no branch {_named(self.vanished)} any more: the release stays at its last commit."


def _named(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def take_over(component_id: int, names: Sequence[Found], repo: Path) -> Taken:
    """Make releases of what is new and follow the branches, in the caller's transaction.

    Raises Invalid for a pattern that is no regular expression.
    """
    component = Component.objects.select_for_update(no_key=True).get(pk=component_id)
    finals, candidates = chosen(names, component.release_pattern, component.candidate_pattern)
    known = {release.name: release for release in component.releases.order_by("position", "pk")}
    found = Taken(seen=len(finals) + len(candidates))
    _look_at_tags(found, known, [*finals, *candidates])
    moved = _follow_branches(found, known.values(), names, repo)
    early = not_over(candidates, finals)
    fresh = _makeable(component, known, [*finals, *early])
    room = max(min(MOST_NEW, MOST_RELEASES - len(known)), 0)
    found.left = max(len(fresh) - room, 0)
    made = _make(component, list(known.values()), fresh[found.left :], {each.name for each in early})
    found.new = len(made)
    _retire_candidates(found, component, finals)
    found.queued += queue_baselines([release for release in [*made[::-1], *moved] if release.is_supported])
    return found


def chosen(names: Sequence[Found], release_pattern: str, candidate_pattern: str) -> tuple[list[Found], list[Found]]:
    """What becomes a release, and the tags beside it that are candidates; who is both is a candidate."""
    finals = matching(names, release_pattern)
    if not candidate_pattern:
        return finals, []
    tags = [name for name in names if name.kind == TAG]
    candidates = matching(tags, candidate_pattern, "candidate pattern")
    early = {candidate.name for candidate in candidates}
    return [final for final in finals if final.name not in early], candidates


def not_over(candidates: Sequence[Found], finals: Sequence[Found]) -> list[Found]:
    """The candidates that still tell what is to come."""
    course = _Course(candidates, finals)
    return [each for each in candidates if not course.is_over(each)]


def _look_at_tags(found: Taken, known: dict[str, Release], seen: Sequence[Found]) -> None:
    for each in seen:
        release = known.get(each.name)
        if release is not None and release.kind == TAG == each.kind and release.commit != each.commit:
            found.moved_tags.append(release.name)


def _follow_branches(found: Taken, known: Iterable[Release], names: Sequence[Found], repo: Path) -> list[Release]:
    """Each release of a branch pins its tip; one whose branch is gone stays where it is."""
    tips = {name.name: name for name in names if name.kind == BRANCH}
    moved = []
    for release in known:
        tip = tips.get(release.ref)
        if release.kind != BRANCH:
            continue
        if tip is None:
            found.vanished += [release.name] * release.is_supported
        elif tip.commit != release.commit:
            found.forced += [release.name] * (not is_ancestor(repo, release.commit, tip.commit))
            release.commit, release.released_at = tip.commit, tip.committed_at
            release.save(update_fields=["commit", "released_at"])
            moved.append(release)
    return moved


class _Course:
    """How far upstream has come: which candidates are over, asked of many at the cost of looking at each name once."""

    def __init__(self, candidates: Iterable[Found], finals: Iterable[Found]) -> None:
        tags = sorted((version_order(each.name), _seconds(each), each.name) for each in finals if each.kind == TAG)
        self.released = {version_of(name) for _, _, name in tags}
        self.orders = [order for order, _, _ in tags]
        self.newest_from = list(accumulate((seconds for _, seconds, _ in reversed(tags)), max))[::-1]
        self.last: dict[Any, Any] = {}
        for each in candidates:
            version, order = version_of(each.name), version_order(each.name)
            self.last[version] = max(self.last.get(version, order), order)

    def is_over(self, candidate: Found) -> bool:
        """Whether its final release or a newer candidate for it is there, or upstream went on without it."""
        version, order = version_of(candidate.name), version_order(candidate.name)
        if version in self.released or self.last.get(version, order) > order:
            return True
        later = bisect_right(self.orders, order)
        return later < len(self.orders) and self.newest_from[later] >= _seconds(candidate)


def _seconds(found: Found) -> float:
    return found.committed_at.timestamp() if found.committed_at else 0.0


def _makeable(component: Component, known: dict[str, Release], wanted: Sequence[Found]) -> list[Found]:
    """What is new and can be called as upstream calls it, oldest version first."""
    new = {Release.slug_of(component, each.name): each for each in wanted if each.name not in known}
    taken = set(Release.objects.filter(slug__in=new).values_list("slug", flat=True))
    short = [each for slug, each in new.items() if slug not in taken and len(each.name) <= LONGEST]
    return sorted(short, key=lambda each: version_order(each.name))


def _make(
    component: Component, known: Sequence[Release], fresh: Sequence[Found], early: Collection[str]
) -> list[Release]:
    """A release of each, where its version belongs: before the first one, as they stand, of a later version."""
    made = [_new(component, each, is_candidate=each.name in early) for each in fresh]
    order = list(known)
    versions = {release.name: version_order(release.name) for release in [*known, *made]}
    for release in made:
        later = [place for place, other in enumerate(order) if versions[other.name] > versions[release.name]]
        order.insert(min(later, default=len(order)), release)
    _number(order)
    for release in made:
        release.save(force_insert=True)
        Event.objects.write(Event.Verb.RELEASED, component=component, release=release)
    return made


def _new(component: Component, seen: Found, *, is_candidate: bool) -> Release:
    return Release(
        component=component,
        name=seen.name,
        slug=Release.slug_of(component, seen.name),
        kind=seen.kind,
        ref=seen.name,
        commit=seen.commit,
        released_at=seen.committed_at,
        is_candidate=is_candidate,
    )


def _number(order: Sequence[Release]) -> None:
    """Give the new ones, which have no key, a position between their neighbours, who move up where there is no room."""
    pushed = []
    last = _start(order) - 1
    for release in order:
        if release.pk is not None and release.position > last:
            last = release.position
            continue
        last = release.position = last + 1
        pushed += [release] * (release.pk is not None)
    Release.objects.bulk_update(pushed, ["position"])


def _start(order: Sequence[Release]) -> int:
    """Where the first one stands: new ones before all that are known leave those where they are."""
    known = next((place for place, release in enumerate(order) if release.pk is not None), None)
    return 1 if known is None else order[known].position - known


def _retire_candidates(found: Taken, component: Component, finals: Sequence[Found]) -> None:
    """Candidates of which something newer is there go, by the portal's own hand and with a line of the history."""
    rows = list(component.releases.filter(is_candidate=True, state=Release.State.SUPPORTED))
    stand = [Found(row.name, row.kind, row.commit, row.released_at) for row in rows]
    course = _Course(stand, finals)
    for release, candidate in zip(rows, stand, strict=True):
        if course.is_over(candidate):
            release.move(Release.State.RETIRED)
            text = f"{release.name} is retired: upstream has something newer than this candidate."
            Event.objects.write(Event.Verb.RULED, component=component, release=release, text=text)
            found.retired.append(release.name)
    if found.retired:
        settle_later(component)
