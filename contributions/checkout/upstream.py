"""What a release's history tells of a patch: that it holds it already, perhaps, or that it took it back.

No single check finds what upstream has taken in: a Change-Id survives rewording and rebasing, a patch id
survives another committer, a subject survives review; the last is only a hint for a person.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from contributions.checkout.fingerprints import patch_id_of, patch_ids_of_commits
from contributions.checkout.history import Commit, History, read_history, touching

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

TELLING = 20  # letters from which a subject says more than "Fix typo"


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
    """`sighting` settles it; `namesake` has the patch's subject only; `remarks` are sentences."""

    sighting: Sighting | None = None
    namesake: Commit | None = None
    remarks: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Question:
    """A patch (base..tip in `repo`, `change` is its diff, `paths` what it touches) and a release to look into."""

    repo: Path
    base: str
    tip: str
    release: str
    change: bytes = field(repr=False)
    paths: tuple[str, ...] = ()


def ask_history(question: Question) -> Account:
    history = read_history(question.repo, question.base, question.release)
    if not history.commits:
        return Account()
    return _Inquiry(question, history).account()


class _Inquiry:
    def __init__(self, question: Question, history: History) -> None:
        self.repo = question.repo
        self.question = question
        self.history = history
        self.found = Account()
        candidates = touching(self.repo, question.base, question.release, list(question.paths))
        self.patch_ids = patch_ids_of_commits(self.repo, candidates)

    def account(self) -> Account:
        series = read_history(self.repo, self.question.base, self.question.tip).commits
        sightings = [self._sight(commit) for commit in series]
        present = [sighting for sighting in sightings if sighting]
        if present and len(present) == len(series):
            self.found.sighting = present[0]
        elif whole := self._standing(self.patch_ids.get(patch_id_of(self.repo, self.question.change), "")):
            self.found.sighting = Sighting(whole.id, Evidence.PATCH_ID)
        else:
            self._remember_what_is_there(series, len(present))
        return self.found

    def _sight(self, commit: Commit) -> Sighting | None:
        named = self.history.with_change_id(commit.change_ids)
        if same := self._standing(named.id if named else ""):
            return Sighting(same.id, Evidence.CHANGE_ID)
        number = next(iter(patch_ids_of_commits(self.repo, [commit.id])), "")
        if same := self._standing(self.patch_ids.get(number, "")):
            return Sighting(same.id, Evidence.PATCH_ID)
        return None

    def _standing(self, commit_id: str) -> Commit | None:
        """The commit, unless the release took it back."""
        commit = self.history.named(commit_id)
        reverter = commit and self.history.reverted_by(commit)
        if commit and reverter:
            self.found.remarks.append(f"Upstream took it in as {commit.id[:12]} and back out as {reverter.id[:12]}.")
            return None
        return commit

    def _remember_what_is_there(self, series: Sequence[Commit], present: int) -> None:
        if present:
            self.found.remarks.append(f"{present} of its {len(series)} commits are in the release already.")
        namesakes = [self._namesake(commit) for commit in series]
        if series and all(namesakes):
            self.found.namesake = namesakes[0]

    def _namesake(self, commit: Commit) -> Commit | None:
        """A commit of the same telling subject on the same files that was not taken back."""
        if len(commit.subject) < TELLING:
            return None
        near = set(self.patch_ids.values())
        same = [each for each in self.history.with_subject(commit.subject) if each.id in near]
        return next((each for each in same if not self.history.reverted_by(each)), None)
