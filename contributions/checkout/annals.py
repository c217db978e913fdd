"""The history of a repository, read once: who follows whom, what each commit says, and which paths it touches.

Kept in a file of the repository that only grows and may vanish: one chapter a line, of what was read at once, so
that a branch that moved costs no more than its new commits.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections import OrderedDict, defaultdict
from typing import IO, TYPE_CHECKING, Any

from contributions.checkout.fingerprints import PatchIds
from contributions.checkout.history import Commit, commit_of
from contributions.checkout.runner import git

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

FILE = "annals"
FORM = 1
MOST = 100_000  # commits that are read at once, newest first
MOST_PATHS = 100_000  # of one commit; the import of a whole platform has fewer
AT_ONCE = 2_000  # commits whose paths one git lists
SECONDS = 300
KEPT = 4  # histories that a process keeps in memory
REACHES = 200  # sets of ancestors that are kept of one history, a byte a commit

SHAPE = "--format=%H%x00%P%x00%ct%x00%an%x00%s%x00%b%x00"


class Annals:
    """What is known of the commits of one repository; `cover` first what is asked about."""

    def __init__(self, repo: Path) -> None:
        self.repo = repo
        self.patch_ids = PatchIds(repo)
        self._forget()

    def _forget(self) -> None:
        self.commits: list[Commit] = []
        self._paths: list[tuple[str, ...]] = []
        self.is_whole = True  # nothing is missing behind what was read
        self._numbers: dict[str, int] = {}
        self._parents: list[tuple[int, ...]] = []
        self._change_ids: dict[str, list[int]] = defaultdict(list)
        self._subjects: dict[str, list[int]] = defaultdict(list)
        self._alike: dict[frozenset[str], list[int]] = defaultdict(list)
        self._touching: dict[str, list[int]] = defaultdict(list)
        self._reverts: list[int] = []
        self._reaches: OrderedDict[str, bytearray] = OrderedDict()
        self._heads: set[str] = set()
        self._read_to = 0

    # reading and growing

    def cover(self, commits: Iterable[str]) -> None:
        """Read the history behind these commits, as far as it is not known yet."""
        wanted = set(commits) - self._numbers.keys()
        if not wanted:
            return
        with (self.repo / FILE).open("a+b") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            self._catch_up(stream)
            wanted -= self._numbers.keys()
            if wanted:
                stream.write(self._chapter(sorted(wanted)))
                stream.flush()
                self._catch_up(stream)

    def _catch_up(self, stream: IO[bytes]) -> None:
        """Take in what the file has beyond what is known. What a torn or strange line begins is cut off."""
        if os.fstat(stream.fileno()).st_size < self._read_to:
            self._forget()
        stream.seek(self._read_to)
        for line in stream.read().split(b"\n")[:-1]:
            try:
                chapter = json.loads(line)
                if chapter["form"] != FORM:
                    break
            except (ValueError, KeyError, TypeError):
                break
            self._take(chapter)
            self._read_to += len(line) + 1
        stream.truncate(self._read_to)
        stream.seek(0, os.SEEK_END)

    def _chapter(self, wanted: Sequence[str]) -> bytes:
        """Commits that are new behind the wanted ones, as one line."""
        known = sorted(self._heads) if self.is_whole else []  # else what was cut off would be left out for ever
        revisions = "".join(f"{name}\n" for name in [*wanted, *(f"^{head}" for head in known)])
        options = ("--topo-order", f"--max-count={MOST}", SHAPE, "--stdin")
        listed = git(self.repo, "log", *options, input=revisions.encode(), timeout=SECONDS)
        found = [commit for commit in _commits(listed) if commit.id not in self._numbers]
        paths = dict(_paths(self.repo, [commit.id for commit in found if len(commit.parents) < 2]))  # noqa: PLR2004 - a merge
        rows = [[*_row(commit), paths.get(commit.id, ())] for commit in found]
        return json.dumps({"form": FORM, "heads": list(wanted), "commits": rows}).encode() + b"\n"

    def _take(self, chapter: dict[str, Any]) -> None:
        first = len(self.commits)
        for row in chapter["commits"]:
            *facts, paths = row
            told: list[Any] = [tuple(each) if isinstance(each, list) else each for each in facts]
            self._add(Commit(*told), tuple(paths))
        for commit in self.commits[first:]:
            known = tuple(self._numbers[parent] for parent in commit.parents if parent in self._numbers)
            self._parents.append(known)
            self.is_whole &= len(known) == len(commit.parents)
        self._heads.update(chapter["heads"])

    def _add(self, commit: Commit, paths: tuple[str, ...]) -> None:
        number = len(self.commits)
        self.commits.append(commit)
        self._paths.append(paths)
        self._numbers[commit.id] = number
        self._subjects[commit.subject].append(number)
        for change_id in commit.change_ids:
            self._change_ids[change_id].append(number)
        if paths:
            self._alike[frozenset(paths)].append(number)
        for path in paths:
            self._touching[path].append(number)
        if commit.is_revert:
            self._reverts.append(number)

    # asking

    def __contains__(self, commit: str) -> bool:
        return commit in self._numbers

    def named(self, commit: str) -> Commit | None:
        number = self._numbers.get(commit)
        return None if number is None else self.commits[number]

    def holds(self, later: str, earlier: str) -> bool:
        """Whether `earlier` is `later` or behind it; both were covered."""
        number, reach = self._numbers.get(earlier), self.reach(later)
        return number is not None and number < len(reach) and bool(reach[number])

    def reach(self, commit: str) -> bytearray:
        """A byte for each number: 1 for the commit and what is behind it. Later numbers are never behind it."""
        if commit in self._reaches:
            self._reaches.move_to_end(commit)
        else:
            self._reaches[commit] = self._reached(commit)
            if len(self._reaches) > REACHES:
                self._reaches.popitem(last=False)
        return self._reaches[commit]

    def _reached(self, commit: str) -> bytearray:
        seen = bytearray(len(self.commits))
        start = self._numbers.get(commit)
        waiting = [] if start is None else [start]
        parents = self._parents
        while waiting:
            number = waiting.pop()
            if not seen[number]:
                seen[number] = 1
                waiting += parents[number]
        return seen

    def with_change_id(self, change_id: str) -> list[Commit]:
        return self._told(self._change_ids.get(change_id, ()))

    def with_subject(self, subject: str) -> list[Commit]:
        return self._told(self._subjects.get(subject, ()))

    def alike(self, paths: Iterable[str]) -> list[Commit]:
        """Commits, merges apart, that touch these paths and no others."""
        return self._told(self._alike.get(frozenset(paths), ()))

    def touching(self, paths: Iterable[str]) -> list[Commit]:
        """Commits, merges apart, that touch one of the paths, newest first."""
        numbers = {number for path in paths for number in self._touching.get(path, ())}
        return self._told(numbers)

    def _told(self, numbers: Iterable[int]) -> list[Commit]:
        """Newest first: by date, and of the same date as history has them."""
        found = sorted(numbers, key=lambda number: (-self.commits[number].at, number))
        return [self.commits[number] for number in found]

    def paths_of(self, commit: Commit) -> tuple[str, ...]:
        """What it touches; nothing of a merge."""
        return self._paths[self._numbers[commit.id]]

    def reverters_of(self, commit: Commit) -> list[Commit]:
        return [self.commits[number] for number in self._reverts if self.commits[number].says_to_take_back(commit)]


def _row(commit: Commit) -> list[Any]:
    return [getattr(commit, name) for name in Commit.__slots__]


def _commits(listed: bytes) -> Iterator[Commit]:
    words = listed.decode("utf-8", "replace").split("\0")
    for name, parents, at, author, subject, body in zip(*(words[start::6] for start in range(6)), strict=False):
        yield commit_of(name.strip(), tuple(parents.split()), int(at or 0), author, subject, body)


def _paths(repo: Path, commits: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    options = ("-r", "--root", "--no-renames", "--name-only", "-z", "--stdin")
    for start in range(0, len(commits), AT_ONCE):
        asked = commits[start : start + AT_ONCE]
        listed = git(repo, "diff-tree", *options, input="\n".join(asked).encode() + b"\n", timeout=SECONDS)
        yield from _by_commit(listed.decode("utf-8", "surrogateescape").split("\0")[:-1], set(asked))


def _by_commit(words: Sequence[str], commits: set[str]) -> Iterator[tuple[str, list[str]]]:
    """Git names a commit before its paths; each commit comes once."""
    commit = ""
    paths: list[str] = []
    for word in words:
        if word in commits:
            yield commit, paths[:MOST_PATHS]
            commit, paths = word, []
            commits.discard(word)
        else:
            paths.append(word)
    yield commit, paths[:MOST_PATHS]


_KEPT: OrderedDict[Path, Annals] = OrderedDict()


def annals_of(repo: Path) -> Annals:
    """The same ones as long as this process remembers them: a worker asks about few components at a time."""
    found = _KEPT.pop(repo, None) or Annals(repo)
    _KEPT[repo] = found
    if len(_KEPT) > KEPT:
        _KEPT.popitem(last=False)
    return found
