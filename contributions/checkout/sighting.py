"""What upstream took in since a fork left it, read once for all of the fork's commits.

The walk is one `git log`, and patch ids are computed of those commits alone that touch the very files of one of the
fork's; what was computed stays in the mirror's cache.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from contributions.checkout.fingerprints import patch_ids_of_commits
from contributions.checkout.history import MOST, MOST_CANDIDATES, Commit, History, commit_of
from contributions.checkout.runner import git
from contributions.checkout.upstream import TELLING, Evidence

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from contributions.checkout.lineage import Own

PICKED = "cherry-picked"  # the fork's own word for it: the message names the commit
SHORTEST = 7  # letters of an id that name a commit


@dataclass(frozen=True)
class Seen:
    """A commit of upstream that is one of the fork's, and how we know; `is_sure` unless only the subject says so."""

    commit: str
    evidence: str
    is_sure: bool = True


class Upstream:
    """`mirror` holds upstream alone; `since` is where the fork left it, `tips` are its branches and tags."""

    def __init__(self, mirror: Path, since: str, tips: Iterable[str]) -> None:
        self._mirror = mirror
        self._revisions = "\n".join([*sorted(set(tips)), f"^{since}"]).encode() + b"\n"
        self._patch_ids: dict[str, str] = {}

    def compare(self, path_sets: Iterable[frozenset[bytes]]) -> None:
        """Make ready for patches that touch exactly one of these sets of files."""
        wanted = [commit for paths in set(path_sets) for commit in self._by_paths.get(paths, ())]
        place = self._places
        newest = sorted(set(wanted), key=lambda commit: place.get(commit, 0))[:MOST_CANDIDATES]
        self._patch_ids = patch_ids_of_commits(self._mirror, newest)

    def sighting(self, own: Own, patch_id: str) -> Seen | None:
        """The commit that this one is; surest first."""
        for name in sorted(own.change_ids):
            if found := self._standing(self._by_change_id.get(name, "")):
                return Seen(found.id, Evidence.CHANGE_ID)
        if found := self._standing(self._patch_ids.get(patch_id, "")):
            return Seen(found.id, Evidence.PATCH_ID)
        for beginning in own.picked_from:
            if found := self._standing(self._named(beginning)):
                return Seen(found.id, PICKED)
        return self._namesake(own)

    def has(self, patch_id: str) -> Seen | None:
        """The one commit that a whole series is."""
        found = self._standing(self._patch_ids.get(patch_id, ""))
        return Seen(found.id, Evidence.PATCH_ID) if found else None

    def taken_back(self, own: Own) -> str:
        """A sentence if upstream had it once and took it back."""
        for name in own.change_ids:
            commit = self._history.named(self._by_change_id.get(name, ""))
            reverter = commit and self._history.reverted_by(commit)
            if commit and reverter:
                return f"Upstream took it in as {commit.id[:12]} and back out as {reverter.id[:12]}."
        return ""

    @cached_property
    def _history(self) -> History:
        shape = "--format=%H%x00%s%x00%b%x00"
        command = ("log", "--topo-order", f"--max-count={MOST}", shape, "--stdin")
        words = git(self._mirror, *command, input=self._revisions, timeout=300).decode("utf-8", "replace").split("\0")
        triples = zip(words[0::3], words[1::3], words[2::3], strict=False)
        return History([commit_of(commit.strip(), (), 0, "", subject, body) for commit, subject, body in triples])

    @cached_property
    def _places(self) -> dict[str, int]:
        return {commit.id: place for place, commit in enumerate(self._history.commits)}

    @cached_property
    def _by_change_id(self) -> dict[str, str]:
        """The newest commit of each."""
        return {name: commit.id for commit in reversed(self._history.commits) for name in commit.change_ids}

    @cached_property
    def _by_subject(self) -> dict[str, list[Commit]]:
        found = defaultdict(list)
        for commit in self._history.commits:
            found[commit.subject].append(commit)
        return found

    @cached_property
    def _ids(self) -> list[str]:
        return sorted(commit.id for commit in self._history.commits)

    @cached_property
    def _paths(self) -> dict[str, frozenset[bytes]]:
        command = ("log", "--no-merges", f"--max-count={MOST}", "-z", "--format=/%H", "--name-only", "--no-renames")
        return _paths_of(git(self._mirror, *command, "--stdin", input=self._revisions, timeout=600))

    @cached_property
    def _by_paths(self) -> dict[frozenset[bytes], list[str]]:
        found = defaultdict(list)
        for commit, paths in self._paths.items():
            found[paths].append(commit)
        return found

    def _named(self, beginning: str) -> str:
        place = bisect_left(self._ids, beginning)
        found = self._ids[place] if place < len(self._ids) else ""
        return found if len(beginning) >= SHORTEST and found.startswith(beginning) else ""

    def _standing(self, commit_id: str) -> Commit | None:
        """The commit, unless upstream took it back."""
        commit = self._history.named(commit_id) if commit_id else None
        return None if commit is None or self._history.reverted_by(commit) else commit

    def _namesake(self, own: Own) -> Seen | None:
        """A commit of the same telling subject that touches one of the same files."""
        if len(own.subject) < TELLING:
            return None
        same: Sequence[Commit] = self._by_subject.get(own.subject, ())
        near = (one for one in same if self._paths.get(one.id, frozenset()) & own.paths)
        found = next((one for one in near if self._standing(one.id)), None)
        return Seen(found.id, Evidence.SUBJECT, is_sure=False) if found else None


def _paths_of(listed: bytes) -> dict[str, frozenset[bytes]]:
    """Commit -> its paths. A commit is told from them by its slash: no path in a tree begins with one."""
    found: dict[str, list[bytes]] = {}
    paths: list[bytes] = []
    for word in listed.split(b"\0"):
        if word.startswith(b"/"):
            paths = found.setdefault(word[1:].decode(), [])
        elif word:
            paths.append(word if paths else word.removeprefix(b"\n"))
    return {commit: frozenset(paths) for commit, paths in found.items()}
