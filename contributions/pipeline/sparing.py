"""Only what a push can have changed is judged again: the verdict on all else is kept, and its patched tree made anew.

Each piece is one transaction, and what is done is told by rows: a fit is about the commit that its release pins.
Killed in the middle, the next pull goes on where this one was.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db import transaction

from contributions.checkout.history import CHANGE_ID
from contributions.checkout.renewing import Laid, Layer, lay_anew
from contributions.checkout.touching import EVERYTHING, Reach, Stretch, stretch_between
from contributions.models import Contribution, Fit, Inquiry, Offer, Release, Revision, Standing
from contributions.models.fit import UNCLEAR, VERDICTS

from .building import queue_builds
from .kept_verdicts import write_down
from .queueing import judged_on, queue_fits_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from contributions.models import Component
    from contributions.models.work import Work

AT_ONCE = 100  # fits of a piece
MOST_STRETCHES = 20  # between the commits that one pull has to compare; what is beyond is judged
LAID = (Fit.State.APPLIES, Fit.State.MERGES)
# No base: the commit that it was made on may have come along by now. By its context: nothing to merge by.
KEPT = VERDICTS - {Fit.State.NO_BASE}
COPIED = (
    *("state", "way", "commits", "renames", "evidence", "upstream_commit", "conflicts", "sentence", "blame"),
    *("clash_id", "namesake", "finished_at"),
)


@dataclass
class Spread:
    """What a pull made of the fits: how many wait to be judged, and how many it cannot have changed."""

    judged: int = 0
    unaffected: int = 0
    queued: list[Work] = field(default_factory=list)

    @property
    def sentence(self) -> str:
        if not self.judged and not self.unaffected:
            return ""
        return f" {self.judged:,} to judge, {self.unaffected:,} unaffected."


def spread(component: Component, repo: Path, is_held: Callable[[], bool]) -> Spread:
    """Bring the fits of every supported release up to the commit that it pins, the newest release first."""
    done = Spread()
    stretches = _Stretches(repo)
    for release in Release.objects.supported().filter(component=component).newest_first():
        _Spreading(release, stretches, done).run(is_held)
    return done


class _Stretches:
    """What lies between two commits, asked once each and only so often."""

    def __init__(self, repo: Path) -> None:
        self.repo = repo
        self._known: dict[tuple[str, str], Stretch] = {}

    def between(self, old: str, new: str) -> Stretch:
        if (old, new) not in self._known:
            if len(self._known) >= MOST_STRETCHES:
                return EVERYTHING
            self._known[old, new] = stretch_between(self.repo, old, new)
        return self._known[old, new]


class _Spreading:
    """One release: which of its fits are to be judged, and which are kept."""

    def __init__(self, release: Release, stretches: _Stretches, done: Spread) -> None:
        self.release = release
        self.stretches = stretches
        self.done = done

    def run(self, is_held: Callable[[], bool]) -> None:
        told = Fit.objects.filter(release=self.release, release_commit=self.release.commit)
        behind = list(judged_on(self.release).exclude(pk__in=told.values("revision")).values_list("pk", flat=True))
        if not behind:
            return
        kept = self._kept(behind)
        chosen = {pk for pk, _ in kept}
        affected = [pk for pk in behind if pk not in chosen]
        for start in range(0, len(kept), AT_ONCE):
            if not is_held():
                return
            affected += self._keep(kept[start : start + AT_ONCE])
        if affected:
            self.done.queued += queue_fits_of(self.release, affected)
            self.done.judged += len(affected)

    def _kept(self, behind: Sequence[int]) -> list[tuple[int, Fit]]:
        """What the way to this commit cannot have changed of what is behind: revisions, and the verdicts they keep."""
        known = self._verdicts(behind)
        reaches = _reaches(known)
        place = {pk: number for number, pk in enumerate(behind)}
        kept = []
        for pk, fit in known.items():
            stretch = self.stretches.between(fit.release_commit, self.release.commit)
            if not stretch.may_change(reaches[pk]):
                kept.append((pk, fit))
        return sorted(kept, key=lambda pair: place[pair[0]])

    def _verdicts(self, behind: Sequence[int]) -> dict[int, Fit]:
        """Of each revision its verdict on this release's last commit, or else on the nearest release before."""
        own = Fit.objects.filter(release=self.release, revision__in=behind)
        known = {fit.revision_id: fit for fit in own}
        fresh = [pk for pk in behind if pk not in known]
        before = Fit.objects.filter(
            revision__in=fresh,
            release__component=self.release.component_id,
            release__position__lt=self.release.position,
        )
        nearest = before.order_by("revision_id", "-release__position", "-release_id").distinct("revision_id")
        known |= {fit.revision_id: fit for fit in nearest}
        return {pk: fit for pk, fit in known.items() if fit.state in KEPT and fit.way != Fit.Way.CONTEXT}

    def _keep(self, kept: Sequence[tuple[int, Fit]]) -> list[int]:
        """Write down the verdicts that stay; return the revisions that did not merge after all."""
        made = self._laid([fit for _, fit in kept if fit.state in LAID])
        stay = [fit for _, fit in kept if fit.state not in LAID or fit.pk in made]
        with transaction.atomic():
            self._move([fit for fit in stay if fit.release_id == self.release.pk], made)
            self._add([self._copied(fit, made) for fit in stay if fit.release_id != self.release.pk])
        self.done.unaffected += len(stay)
        lost = {fit.revision_id for _, fit in kept} - {fit.revision_id for fit in stay}
        return [pk for pk, _ in kept if pk in lost]

    def _laid(self, fits: Sequence[Fit]) -> dict[int, Laid]:
        """The patched release of each fit, by its key."""
        tips = Revision.objects.only("base_commit", "tip_commit").in_bulk([fit.revision_id for fit in fits])
        layers = [
            Layer(tips[pk].base_commit, tips[pk].tip_commit, f"refs/fits/{pk}/{self.release.pk}")
            for pk in (fit.revision_id for fit in fits)
        ]
        made = lay_anew(self.stretches.repo, layers, self.release.commit) if layers else []
        return {fit.pk: laid for fit, laid in zip(fits, made, strict=True) if laid}

    def _move(self, fits: Sequence[Fit], made: Mapping[int, Laid]) -> None:
        """Fits of a branch that moved: the same rows are about its new tip, unless somebody was at them meanwhile."""
        held = Fit.objects.select_for_update().in_bulk([fit.pk for fit in fits])
        same = [fit for fit in fits if self._is_as_read(fit, held.get(fit.pk))]
        for fit in same:
            fit.release_commit = self.release.commit
            fit.commit, fit.tree = _commit_and_tree(made.get(fit.pk))
        Fit.objects.bulk_update(same, ["release_commit", "tree", "commit"])
        offers = Offer.objects.filter(release=self.release, revision__in=[fit.revision_id for fit in same])
        offers.update(release_commit=self.release.commit)  # what was tried holds, as nothing of it moved

    @staticmethod
    def _is_as_read(read: Fit, now: Fit | None) -> bool:
        return now is not None and (now.state, now.release_commit) == (read.state, read.release_commit)

    def _copied(self, fit: Fit, made: Mapping[int, Laid]) -> Fit:
        """The row of a new release that says what this one says of the release before."""
        commit, tree = _commit_and_tree(made.get(fit.pk))
        copied = {name: getattr(fit, name) for name in COPIED}
        about = {"release": self.release, "release_commit": self.release.commit, "commit": commit, "tree": tree}
        return Fit(revision_id=fit.revision_id, before=fit.state, **copied, **about)

    def _add(self, fits: Sequence[Fit]) -> None:
        """Fits of a new release: counted for each contribution, and built where they apply."""
        if not fits:
            return
        keys = [fit.revision_id for fit in fits]
        held = Contribution.objects.select_for_update(of=("self",), no_key=True).filter(current__in=keys).order_by("pk")
        contributions = list(held.select_related("component"))
        Fit.objects.bulk_create(fits, ignore_conflicts=True)
        write_down(self.release, fits)
        public = {row.current_id for row in contributions if not row.is_draft}
        there = Fit.objects.filter(release=self.release, revision__in=public, state__in=LAID)
        used = ("-revision__contribution__running_count", "-revision__contribution__activity", "pk")
        self.done.queued += queue_builds(there.select_related("release").order_by(*used))
        self._ask_about_conflicts(keys)
        Standing.objects.recompute_all([row.pk for row in contributions])

    def _ask_about_conflicts(self, revisions: Sequence[int]) -> None:
        """What is queued behind a verdict that conflicts: its reason, where that is not known, and a try at a port."""
        fits = Fit.objects.filter(release=self.release, revision__in=revisions, state__in=UNCLEAR)
        rows = list(fits.select_related("revision"))
        self.done.queued += Inquiry.objects.bulk_create(Inquiry(fit=fit) for fit in rows if fit.clash_id is None)
        self.done.queued += Offer.objects.bulk_create(
            Offer(revision=fit.revision, release=self.release, release_commit=fit.release_commit)
            for fit in rows
            if fit.state == Fit.State.CONFLICTS and not fit.revision.is_port
        )


def _commit_and_tree(laid: Laid | None) -> tuple[str, str]:
    return (laid.commit, laid.tree) if laid else ("", "")


def _reaches(fits: dict[int, Fit]) -> dict[int, Reach]:
    """What each revision depends on, read in pieces: they are long."""
    rows = Revision.objects.filter(pk__in=fits).values_list("pk", "files", "commits")
    return {pk: _reach(files, commits, fits[pk].renames) for pk, files, commits in rows.iterator(chunk_size=AT_ONCE)}


def _reach(files: Sequence[dict[str, Any]], commits: Sequence[dict[str, Any]], renames: dict[str, str]) -> Reach:
    changed = {file["old_path"] for file in files if file["old_path"]}
    added = {file["path"] for file in files} - changed
    words = {word for commit in commits for word in _words(commit)}
    return Reach(frozenset(changed | set(renames) | set(renames.values())), frozenset(added), frozenset(words))


def _words(commit: dict[str, Any]) -> Iterator[str]:
    yield " ".join(str(commit.get("subject", "")).split())
    yield from (found.lower() for found in CHANGE_ID.findall(str(commit.get("body", ""))))
