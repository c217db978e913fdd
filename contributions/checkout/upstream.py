"""What a release's history tells of a patch: that it holds it already, perhaps, or that it took it back.

No single check finds what upstream has taken in: a Change-Id survives rewording and rebasing, a patch id
survives another committer, a subject survives review; the last is only a hint for a person.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from contributions.checkout.history import MOST_CANDIDATES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from contributions.checkout.annals import Annals
    from contributions.checkout.dossiers import Dossier, Step
    from contributions.checkout.history import Commit

TELLING = 20  # letters from which a subject says more than "Fix typo"
DEEPEST = 20  # reverts of reverts of reverts that are followed


class Evidence(StrEnum):
    ANCESTOR = "ancestor"
    CHANGE_ID = "change-id"
    PATCH_ID = "patch-id"
    REVERSE_APPLY = "reverse-apply"
    EMPTY_MERGE = "empty-merge"
    SUBJECT = "subject"


@dataclass(frozen=True)
class Sighting:
    """A commit of the release that is the patch, and how we know."""

    commit: str
    evidence: Evidence


@dataclass
class Account:
    """`sighting` settles it; `namesake` has the patch's subject only; `remarks` are sentences.

    `steps` has a sighting, or none, for each commit of the series.
    """

    sighting: Sighting | None = None
    namesake: Commit | None = None
    remarks: list[str] = field(default_factory=list)
    steps: tuple[Sighting | None, ...] = ()


class Stretch:
    """The commits that a release has and the patch's base has not."""

    def __init__(self, annals: Annals, base: str, release: str) -> None:
        self._annals = annals
        self.base, self.release = base, release

    def __contains__(self, commit: Commit) -> bool:
        return self._annals.holds(self.release, commit.id) and not (
            self.base and self._annals.holds(self.base, commit.id)
        )

    def of(self, commits: Iterable[Commit]) -> list[Commit]:
        return [commit for commit in commits if commit in self]

    def reverted_by(self, commit: Commit, depth: int = DEEPEST) -> Commit | None:
        """The later commit of the release that took this one back, unless that one was taken back as well."""
        for later in self._annals.reverters_of(commit) if depth else ():
            if later in self and self._follows(later, commit) and not self.reverted_by(later, depth - 1):
                return later
        return None

    def _follows(self, later: Commit, earlier: Commit) -> bool:
        if self._annals.holds(later.id, earlier.id):
            return later.id != earlier.id
        return later.at >= earlier.at and not self._annals.holds(earlier.id, later.id)


def ask_history(annals: Annals, dossier: Dossier, release: str) -> Account:
    """Both the base and the release were covered."""
    return _Inquiry(annals, dossier, release).account()


def candidates_of(annals: Annals, dossier: Dossier) -> list[str]:
    """The commits whose patch ids say whether they are the patch or a commit of it."""
    alike = {path_set for path_set in (dossier.paths, *(step.paths for step in dossier.series)) if path_set}
    found = [commit.id for paths in alike for commit in annals.alike(paths)[:MOST_CANDIDATES]]
    return [*found, *(step.commit.id for step in dossier.series)] if found else []


class _Inquiry:
    def __init__(self, annals: Annals, dossier: Dossier, release: str) -> None:
        self.annals = annals
        self.dossier = dossier
        self.stretch = Stretch(annals, dossier.base, release)
        self.found = Account()

    def account(self) -> Account:
        series = self.dossier.series
        self.found.steps = tuple(self._sight(step) for step in series)
        present = [sighting for sighting in self.found.steps if sighting]
        if present and len(present) == len(series):
            self.found.sighting = present[-1] if present[-1].commit == self.dossier.tip else present[0]
        elif len(series) != 1 and (whole := self._same(self.dossier.paths, lambda: self.dossier.patch_id)):
            self.found.sighting = Sighting(whole.id, Evidence.PATCH_ID)
        else:
            self._remember_what_is_there(series, len(present))
        return self.found

    def _sight(self, step: Step) -> Sighting | None:
        own = self.annals.named(step.commit.id)
        if own and own in self.stretch and self._stands(own):
            return Sighting(own.id, Evidence.ANCESTOR)
        for change_id in step.commit.change_ids:
            for named in self.stretch.of(self.annals.with_change_id(change_id)):
                if self._stands(named):
                    return Sighting(named.id, Evidence.CHANGE_ID)
        same = self._same(step.paths, lambda: self.annals.patch_ids.of([step.commit.id]).get(step.commit.id, ""))
        return Sighting(same.id, Evidence.PATCH_ID) if same else None

    def _same(self, paths: frozenset[str], number: Callable[[], str]) -> Commit | None:
        """The commit of the release that touches the same paths and has the patch id."""
        near = self.stretch.of(self.annals.alike(paths)[:MOST_CANDIDATES]) if paths else []
        if not near or not (wanted := number()):
            return None
        numbers = self.annals.patch_ids.of([commit.id for commit in near])
        return next((each for each in near if numbers.get(each.id) == wanted and self._stands(each)), None)

    def _stands(self, commit: Commit) -> bool:
        """Whether the release did not take it back."""
        reverter = self.stretch.reverted_by(commit)
        if reverter:
            remark = f"Upstream took it in as {commit.id[:12]} and back out as {reverter.id[:12]}."
            if remark not in self.found.remarks:
                self.found.remarks.append(remark)
        return reverter is None

    def _remember_what_is_there(self, series: Sequence[Step], present: int) -> None:
        if present:
            self.found.remarks.append(f"{present} of its {len(series)} commits are in the release already.")
        namesakes = [self._namesake(step) for step in series]
        if series and all(namesakes):
            self.found.namesake = namesakes[0]

    def _namesake(self, step: Step) -> Commit | None:
        """A commit of the same telling subject on the same files that was not taken back."""
        if len(step.commit.subject) < TELLING:
            return None
        for same in self.stretch.of(self.annals.with_subject(step.commit.subject)):
            if not self.dossier.paths.isdisjoint(self.annals.paths_of(same)) and not self.stretch.reverted_by(same):
                return same
        return None
