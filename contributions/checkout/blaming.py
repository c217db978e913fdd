"""Which upstream commit a conflict is to blame on: found by bisection over the history of the release.

The way leads along first parents from where the patch's base and the release part up to the release. Only commits
that touch the conflicting path are candidates; between the newest of them that the patch can still be laid onto and
the next one, about log2 of their number of merges find the one from which on it conflicts.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from contributions.checkout.runner import GitFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from contributions.checkout.bench import Bench

    Lay = Callable[[str], Collection[str]]  # a commit -> the paths that conflict when the patch is laid onto it

MOST_COMMITS = 20_000  # of a way, newest first
MOST_PATHS = 50  # that are looked into; of more the first ones
SECONDS = 30.0  # for all paths of one fit, on top of the one git call that is running
NO_COMMON_ANCESTOR = 1
COMMIT = re.compile(r"\x01([0-9a-f]{40}(?:[0-9a-f]{24})?)")


class Why(StrEnum):
    CHANGED = "changed"  # the commit changed what the patch changes
    MISSING = "missing"  # the patch stands on the commit, which the release does not have
    UNRELATED = "unrelated"  # base and release have no history in common
    UNKNOWN = "unknown"  # nothing was found, or it would have taken too long


@dataclass(frozen=True)
class Blame:
    """For one conflicting path; `at` is when its author made the commit (ISO 8601), `merge` what brought it in."""

    path: str
    why: Why
    commit: str = ""
    subject: str = ""
    author: str = ""
    at: str = ""
    merge: str = ""


@dataclass(frozen=True)
class Case:
    """base..tip conflicts with `release` at the paths; `aliases` has what else a path was called."""

    base: str
    tip: str
    release: str
    paths: Sequence[str]
    aliases: Mapping[str, Collection[str]] = field(default_factory=dict)

    def names_of(self, path: str) -> frozenset[str]:
        return frozenset({path, *self.aliases.get(path, ())})


def find_blame(bench: Bench, case: Case, lay: Lay, *, seconds: float = SECONDS) -> list[Blame]:
    """One for each path, at most `MOST_PATHS`. What takes too long is told as unknown."""
    paths = list(case.paths)[:MOST_PATHS]
    try:
        fork = _fork(bench, case)
        if not fork:
            return [Blame(path, Why.UNRELATED) for path in paths]
        search = _Search(bench, case, lay, fork, time.monotonic() + seconds)
        return _told(bench, [search.blame(path) for path in paths])
    except GitFailed as failure:
        if not (failure.timed_out or failure.said_too_much):
            raise
        return [Blame(path, Why.UNKNOWN) for path in paths]


def _fork(bench: Bench, case: Case) -> str:
    """Where the base and the release part; nothing if they never met."""
    try:
        return bench.git("merge-base", case.base, case.release).decode().split()[0]
    except GitFailed as failure:
        if failure.code != NO_COMMON_ANCESTOR or failure.timed_out:
            raise
        return ""


class _OutOfTime(Exception):
    """No error: what is left stays unknown."""


class _Search:
    def __init__(self, bench: Bench, case: Case, lay: Lay, fork: str, until: float) -> None:
        self.bench, self.case, self.fork, self.until = bench, case, fork, until
        self._lay = lay
        self._laid: dict[str, frozenset[str]] = {}
        self._ways: dict[tuple[str, str, bool], dict[str, list[str]]] = {}

    def blame(self, path: str) -> Blame:
        try:
            return self._blame(path)
        except _OutOfTime:
            return Blame(path, Why.UNKNOWN)

    def _blame(self, path: str) -> Blame:
        ups = self._touching(path, self.fork, self.case.release)
        found = self._turn(path, ups)
        if found is not None:
            return self._inside(path, found)
        if not self._conflicts(path, self.fork):
            return Blame(path, Why.UNKNOWN)
        return self._missing(path)

    def _turn(self, path: str, commits: Sequence[str]) -> str | None:
        """The commit (of some, oldest first) from which on it conflicts; None if all conflict, or the last does not."""
        if not commits or not self._conflicts(path, commits[-1]):
            return None
        bad, step = len(commits) - 1, 1
        while True:  # from the release backwards in growing steps, to the newest stretch that it still fits
            good = max(bad - step, -1)
            if not self._conflicts(path, commits[good] if good >= 0 else self.fork):
                break
            if good < 0:
                return None
            bad, step = good, step * 2
        while bad - good > 1:
            middle = (good + bad) // 2
            good, bad = (good, middle) if self._conflicts(path, commits[middle]) else (middle, bad)
        return commits[bad]

    def _inside(self, path: str, found: str) -> Blame:
        """Of a merge, the one commit of the merged branch from which on it conflicts, if that can be told."""
        parents = self.bench.git("rev-list", "--parents", "--max-count=1", found).decode().split()[1:]
        if len(parents) < 2:  # noqa: PLR2004 - no merge
            return Blame(path, Why.CHANGED, found)
        branch = self._touching(path, parents[0], parents[1], merges=False)
        inner = next((commit for commit in branch if self._conflicts(path, commit)), "") if len(branch) > 1 else ""
        commit = inner or (branch[0] if branch else found)
        return Blame(path, Why.CHANGED, commit, merge=found if commit != found else "")

    def _missing(self, path: str) -> Blame:
        """It conflicts where base and release part already: which commit of the base's own way it cannot do without."""
        downs = self._touching(path, self.fork, self.case.base)
        good, bad = len(downs), 0  # the base itself is laid onto as it is; below all of them it conflicts
        while good - bad > 1:
            middle = (good + bad) // 2
            good, bad = (good, middle) if self._conflicts(path, f"{downs[middle]}^") else (middle, bad)
        return Blame(path, Why.MISSING, downs[bad]) if downs else Blame(path, Why.UNKNOWN)

    def _conflicts(self, path: str, commit: str) -> bool:
        if commit not in self._laid:
            if time.monotonic() > self.until:
                raise _OutOfTime
            self._laid[commit] = frozenset(self._lay(commit))
        return not self._laid[commit].isdisjoint(self.case.names_of(path))

    def _touching(self, path: str, since: str, until: str, *, merges: bool = True) -> list[str]:
        """The commits between the two that touch the path, oldest first; all paths are looked up in one walk."""
        way = self._ways.setdefault((since, until, merges), {})
        if not way:
            way.update(self._walked(since, until, merges=merges))
        order = way[""]
        touching = {commit for name in self.case.names_of(path) for commit in way.get(name, ())}
        return [commit for commit in order if commit in touching]

    def _walked(self, since: str, until: str, *, merges: bool) -> dict[str, list[str]]:
        """Path -> the commits that touch it; under no name all of them, oldest first."""
        if time.monotonic() > self.until:
            raise _OutOfTime
        names = sorted({name for path in self.case.paths[:MOST_PATHS] for name in self.case.names_of(path)})
        follow = ("--first-parent", "--diff-merges=first-parent") if merges else ("--no-merges", "--topo-order")
        options = (*follow, "--no-renames", "--name-only", "-z", "--format=%x01%H", f"--max-count={MOST_COMMITS}")
        said = self.bench.git("--literal-pathspecs", "log", *options, until, f"^{since}", "--", *names)
        return _read(said.decode("utf-8", "replace"))


def _read(said: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {"": []}
    commit = ""
    for word in said.split("\0"):
        name = word.removeprefix("\n")
        if head := COMMIT.fullmatch(name):
            commit = head[1]
            found[""].append(commit)
        elif name and commit:
            found.setdefault(name, []).append(commit)
    found[""].reverse()
    return found


def _told(bench: Bench, blames: Sequence[Blame]) -> list[Blame]:
    """The same with what each commit says of itself."""
    commits = sorted({blame.commit for blame in blames if blame.commit})
    if not commits:
        return list(blames)
    said = bench.git("show", "-s", "-z", "--format=%H%x01%s%x01%an%x01%aI", *commits)
    told = [_words(line) for line in said.decode("utf-8", "replace").split("\0")]
    about = {words[0]: words[1:] for words in told if words}
    return [
        replace(blame, subject=words[0], author=words[1], at=words[2]) if (words := about.get(blame.commit)) else blame
        for blame in blames
    ]


def _words(line: str) -> list[str]:
    words = line.strip("\n").split("\x01")
    return words if len(words) == 4 else []  # noqa: PLR2004 - as asked for; a subject may not hold the separator
