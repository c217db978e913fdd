"""What changed from one series of commits to another, without what only its base brought: never a diff of a diff.

The older series is laid onto the newer one's base, as a rebase would, and what comes out is compared with the newer
tip. Beside it stands which commit became which, as `git range-diff` tells it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

from contributions.checkout.bench import Bench
from contributions.checkout.commits import DIFF, Commit, commits_between
from contributions.checkout.fingerprints import diff
from contributions.checkout.history import CHANGE_ID
from contributions.checkout.merging import Merger
from contributions.checkout.sameness import changes_between, file_fingerprints

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence
    from pathlib import Path

LIKE_ENOUGH = 0.4  # of the lines of both, as with range-diff's creation factor of 60 %
MOST_LINES = 50_000  # of a commit's diff that are looked at to find its like


class Word(StrEnum):
    UNCHANGED = "unchanged"
    REWORDED = "reworded"
    CHANGED = "changed"
    ADDED = "added"
    DROPPED = "dropped"


@dataclass(frozen=True)
class Series:
    """The commits after `base` up to `tip`."""

    base: str
    tip: str


@dataclass(frozen=True)
class Pair:
    """What became of a commit; `old` or `new` is empty where there is none."""

    word: Word
    old: str
    new: str
    subject: str
    is_reworded: bool = False


@dataclass(frozen=True)
class Contrast:
    """`conflicts`: the older series does not merge onto the newer base there; `diff` then compares what both made."""

    commits: tuple[Pair, ...]
    diff: bytes
    conflicts: tuple[str, ...] = ()


def contrast(repo: Path, older: Series, newer: Series, *, shows_conflicts: bool = False) -> Contrast:
    """Compare two series that the repository has. Raises GitFailed if git fails or takes too long.

    With `shows_conflicts` what conflicts is compared as git leaves it, with its markers: so it is seen how the newer
    series settled it, and nothing of what upstream did.
    """
    with Bench(repo) as bench:
        laid, conflicts = _laid(bench, older, newer.base, shows_conflicts=shows_conflicts)
        before, after = (laid, newer.tip) if laid else _touched_alone(bench, older, newer)
        change = bench.git(*DIFF, before, after)
    pairs = _pairs([*_told(repo, older)], [*_told(repo, newer)])
    return Contrast(tuple(pairs), change, conflicts)


def _laid(bench: Bench, older: Series, base: str, *, shows_conflicts: bool) -> tuple[str, tuple[str, ...]]:
    if older.base == base:
        return f"{older.tip}^{{tree}}", ()
    with Merger(bench) as merger:
        merge = merger.merge(older.base, older.tip, base)
    return (merge.tree if merge.is_clean or shows_conflicts else "", merge.conflicts)


def _touched_alone(bench: Bench, older: Series, newer: Series) -> tuple[str, str]:
    """Both tips, each cut down to the files that either series touches."""
    paths = {path for series in (older, newer) for path in changes_between(bench.repo, series.base, series.tip)}
    before, after = (_tree_with(bench, series.tip, paths) for series in (older, newer))
    return before, after


def _tree_with(bench: Bench, commit: str, paths: set[str]) -> str:
    rows = bench.git("ls-tree", "-r", "-z", "--full-tree", commit).split(b"\0")
    wanted = {path.encode() for path in paths}
    kept = [row + b"\0" for row in rows if row.partition(b"\t")[2] in wanted]
    bench.git("read-tree", "--empty")
    bench.git("update-index", "-z", "--index-info", stdin=b"".join(kept))
    return bench.git("write-tree").decode().strip()


# which commit became which


@dataclass(frozen=True)
class _Told:
    """A commit with its parent, and by what its like is known."""

    repo: Path
    parent: str
    commit: Commit

    @cached_property
    def content(self) -> Hashable:
        files = file_fingerprints(self.repo, self.parent, self.commit.sha, anywhere=True)
        return tuple(sorted(files.items()))

    @property
    def change_id(self) -> Hashable:
        return tuple(word.lower() for word in CHANGE_ID.findall(self.commit.body)[:1])

    @property
    def subject(self) -> Hashable:
        return self.commit.subject

    @cached_property
    def lines(self) -> Counter[bytes]:
        told = diff(self.repo, self.parent, self.commit.sha).split(b"\n", MOST_LINES)[:MOST_LINES]
        return Counter(line for line in told if line[:1] in {b"+", b"-"})

    def likeness(self, other: _Told) -> float:
        """From 0 to 1: the share of the longer one's changed lines that the other one has."""
        longer = max(self.lines.total(), other.lines.total())
        return (self.lines & other.lines).total() / longer if longer else 0.0


def _told(repo: Path, series: Series) -> Iterable[_Told]:
    parent = series.base
    for commit in commits_between(repo, series.base, series.tip):
        yield _Told(repo, parent, commit)
        parent = commit.sha


def _pairs(old: Sequence[_Told], new: Sequence[_Told]) -> Iterable[Pair]:
    """In the order of the newer series; what was dropped stands where it was."""
    became = _matched(old, new)
    dropped = [at for at in range(len(old)) if at not in set(became.values())]
    for at, told in enumerate(new):
        before = became.get(at)
        while before is not None and dropped and dropped[0] < before:
            yield _dropped(old[dropped.pop(0)])
        yield _pair(old[before], told) if before is not None else _added(told)
    for at in dropped:
        yield _dropped(old[at])


def _matched(old: Sequence[_Told], new: Sequence[_Told]) -> dict[int, int]:
    """The number of a newer commit -> that of the older one: by content, Change-Id, subject, and likeness at last."""
    found: dict[int, int] = {}
    keys: tuple[Callable[[_Told], Hashable], ...] = (
        lambda told: told.content,
        lambda told: told.change_id,
        lambda told: told.subject,
    )
    for key in keys:
        for after, before in _left(old, new, found):
            if after not in found and before not in found.values() and key(new[after]) == key(old[before]) != ():
                found[after] = before
    likeness = {pair: new[pair[0]].likeness(old[pair[1]]) for pair in _left(old, new, found)}
    for after, before in sorted(likeness, key=lambda pair: -likeness[pair]):
        if likeness[after, before] >= LIKE_ENOUGH and after not in found and before not in found.values():
            found[after] = before
    return found


def _left(old: Sequence[_Told], new: Sequence[_Told], found: dict[int, int]) -> list[tuple[int, int]]:
    taken = set(found.values())
    return [(a, b) for a in range(len(new)) if a not in found for b in range(len(old)) if b not in taken]


def _pair(old: _Told, new: _Told) -> Pair:
    is_reworded = old.commit.message != new.commit.message
    same = Word.REWORDED if is_reworded else Word.UNCHANGED
    word = same if old.content == new.content else Word.CHANGED
    return Pair(word, old.commit.sha, new.commit.sha, new.commit.subject, is_reworded)


def _added(told: _Told) -> Pair:
    return Pair(Word.ADDED, "", told.commit.sha, told.commit.subject)


def _dropped(told: _Told) -> Pair:
    return Pair(Word.DROPPED, told.commit.sha, "", told.commit.subject)
