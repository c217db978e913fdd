"""Laying a stack of patches onto a release, in memory: which get into each other's way, in which order, as one tree.

Each pair that changes the same file is tried before anything is laid. The commits are the authors' own, put on the
release one by one; their ids depend on the release and on the patches alone, so the same stack has the same ids.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from contributions.checkout.bench import Bench
from contributions.checkout.merging import IDENTITY, Merger
from contributions.checkout.runner import git

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from contributions.checkout.merging import Merge

AUTHOR = re.compile(rb"^author .*$", re.MULTILINE)
ENCODING = re.compile(rb"^encoding .*\n", re.MULTILINE)
COMMITTER = f"{IDENTITY['GIT_COMMITTER_NAME']} <{IDENTITY['GIT_COMMITTER_EMAIL']}>".encode()
LATEST_DATE = 0xFFFFFFFF


class Alone(StrEnum):
    """What a patch does on the bare release."""

    APPLIES = "applies"
    UPSTREAM = "upstream"
    CONFLICTS = "conflicts"


class Meeting(StrEnum):
    """How two patches that change the same file get on with each other."""

    FINE = "fine"
    ORDERED = "ordered"
    CONFLICT = "conflict"


class State(StrEnum):
    """What became of a patch in the stack."""

    APPLIED = "applied"
    UPSTREAM = "upstream"
    CONFLICTS = "conflicts"


@dataclass(frozen=True)
class Part:
    """A patch base..tip by a number of the caller's, and its commits, oldest first.

    `is_taken` says that the release is known to have it.
    """

    number: int
    base: str
    tip: str
    commits: tuple[str, ...]
    is_taken: bool = False


@dataclass(frozen=True)
class Pair:
    """Two patches that change the same `files`; if only one order will do `first` goes on first; `paths` conflict."""

    a: int
    b: int
    files: tuple[str, ...]
    meeting: Meeting
    first: int = 0
    paths: tuple[str, ...] = ()


@dataclass(frozen=True)
class Laid:
    """A patch in its place: the last commit of it on the stack and that one's tree, or with whom it conflicts.

    `holder` is an earlier patch of the stack that has it already; 0 is the release. `squashed` ones were laid as one
    commit, for the whole fits where the parts do not.
    """

    number: int
    state: State
    alone: Alone
    commit: str = ""
    tree: str = ""
    commits: int = 0
    squashed: bool = False
    holder: int = 0
    against: tuple[int, ...] = ()
    paths: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stacked:
    """The order as it was laid; `commit` and `tree` are the whole, empty if something conflicts."""

    laid: tuple[Laid, ...]
    commit: str = ""
    tree: str = ""

    @property
    def is_whole(self) -> bool:
        return bool(self.commit)


class Trial(NamedTuple):
    """A patch on the bare release: the tree, which is empty where it conflicts, and the paths that do."""

    alone: Alone
    tree: str
    paths: tuple[str, ...]


@dataclass
class Survey:
    """What is known of the parts, in the order asked for, before they are laid.

    `bases` are (first, second): the second was made on a commit that has the first, or brings its commits along.
    """

    release: str
    parts: dict[int, Part]
    trials: dict[int, Trial]
    files: dict[int, frozenset[str]]
    pairs: tuple[Pair, ...] = ()
    bases: tuple[tuple[int, int], ...] = ()

    @property
    def hints(self) -> tuple[tuple[int, int], ...]:
        """(first, second), the surest first: what one is made on, then what merges in one order only."""
        ordered = [(pair.first, pair.b if pair.first == pair.a else pair.a) for pair in self.pairs if pair.first]
        return (*self.bases, *ordered)

    def pairs_of(self, number: int) -> Iterator[tuple[int, Pair]]:
        """The other one, and how they get on."""
        for pair in self.pairs:
            if number in {pair.a, pair.b}:
                yield (pair.b if number == pair.a else pair.a), pair


def look(repo: Path, release: str, parts: Sequence[Part]) -> Survey:
    """Each part alone on commit `release`, and each pair that changes the same file; nothing of it is kept.

    Raises GitFailed or Trouble.
    """
    with Bench(repo) as bench, Merger(bench) as merger:
        trials = {part.number: _tried(bench, merger, part, release) for part in parts}
        survey = Survey(release, {part.number: part for part in parts}, trials, _files(bench, release, parts, trials))
        survey.bases = tuple(_made_on(bench, merger, survey))
        survey.pairs = tuple(_met(merger, survey, a, b) for a, b in _sharing(survey))
        return survey


def lay(repo: Path, survey: Survey, order: Sequence[int], *, keep: str = "") -> Stacked:
    """Lay the parts onto the release in this order; `keep` names a ref for the whole. Raises GitFailed or Trouble.

    What conflicts is left out and the others are tried, so that all conflicts are known at once.
    """
    with Bench(repo) as bench, Merger(bench) as merger:
        laying = _Laying(bench, merger, survey)
        laid = tuple(laying.lay(survey.parts[number]) for number in order)
        if any(each.state == State.CONFLICTS for each in laid):
            return Stacked(laid)
        if laying.tip != survey.release:
            bench.adopt_commit(laying.tip)
        if keep:
            git(repo, "update-ref", keep, laying.tip)
        return Stacked(laid, laying.tip, laying.tree)


def _tried(bench: Bench, merger: Merger, part: Part, release: str) -> Trial:
    if part.is_taken:
        return Trial(Alone.UPSTREAM, bench.tree_of(release), ())
    merge = merger.merge(part.base, part.tip, release)
    if not merge.is_clean:
        return Trial(Alone.CONFLICTS, "", merge.conflicts)
    is_there = merge.tree == bench.tree_of(release)
    return Trial(Alone.UPSTREAM if is_there else Alone.APPLIES, merge.tree, ())


def _files(bench: Bench, release: str, parts: Sequence[Part], trials: dict[int, Trial]) -> dict[int, frozenset[str]]:
    """What each part changes, by its own names and by those that the release has for them."""
    here = bench.tree_of(release)
    asked = [(part.number, bench.tree_of(part.base), bench.tree_of(part.tip)) for part in parts]
    asked += [(number, here, trial.tree) for number, trial in trials.items() if trial.alone == Alone.APPLIES]
    found: dict[int, set[str]] = {part.number: set(trials[part.number].paths) for part in parts}
    changed = _changed(bench, {(before, after) for _, before, after in asked})
    for number, before, after in asked:
        found[number] |= changed.get((before, after), set())
    return {number: frozenset(paths) for number, paths in found.items()}


def _changed(bench: Bench, trees: Iterable[tuple[str, str]]) -> dict[tuple[str, str], set[str]]:
    """The paths that differ between two trees each, by one git for all of them."""
    lines = "".join(f"{before} {after}\n" for before, after in sorted(trees)).encode()
    told = bench.git("diff-tree", "--stdin", "-r", "--no-renames", "--name-only", "-z", stdin=lines)
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    pair = ("", "")
    for piece in told.split(b"\0"):
        head, line_end, rest = piece.partition(b"\n")
        if line_end and len(head) == 81 and head[40:41] == b" ":  # noqa: PLR2004 - two ids of 40 digits and a blank
            pair, piece = (head[:40].decode(), head[41:].decode()), rest  # noqa: PLW2901 - what follows its heading
        if piece:
            found[pair].add(piece.decode("utf-8", "replace"))
    return found


def _sharing(survey: Survey) -> Iterator[tuple[int, int]]:
    """The pairs, in the order asked for, that change a file in common and are not in the release already."""
    open_ones = [number for number, trial in survey.trials.items() if trial.alone != Alone.UPSTREAM]
    places = {number: place for place, number in enumerate(open_ones)}
    by_file: dict[str, list[int]] = defaultdict(list)
    for number in open_ones:
        for path in survey.files[number]:
            by_file[path].append(number)
    pairs = {(a, b) for numbers in by_file.values() for i, a in enumerate(numbers) for b in numbers[i + 1 :]}
    yield from sorted(pairs, key=lambda pair: (places[pair[0]], places[pair[1]]))


def _met(merger: Merger, survey: Survey, a: int, b: int) -> Pair:
    """Try one on top of the other; where that conflicts, the other way round."""
    files = tuple(sorted(survey.files[a] & survey.files[b]))
    there, back = _upon(merger, survey, b, a), None
    if there is None or not there.is_clean:
        back = _upon(merger, survey, a, b)
    if there is not None and there.is_clean:
        needed = survey.trials[b].alone == Alone.CONFLICTS
        return Pair(a, b, files, Meeting.ORDERED if needed else Meeting.FINE, a if needed else 0)
    if back is not None and back.is_clean:
        return Pair(a, b, files, Meeting.ORDERED, b)
    merge = there or back
    return Pair(a, b, files, Meeting.CONFLICT, paths=merge.conflicts if merge else files)


def _upon(merger: Merger, survey: Survey, number: int, below: int) -> Merge | None:
    """One on top of the release with the other; None if that one does not go onto the release."""
    part, tree = survey.parts[number], survey.trials[below].tree
    return merger.merge(part.base, part.tip, tree) if tree else None


def _made_on(bench: Bench, merger: Merger, survey: Survey) -> Iterator[tuple[int, int]]:
    commits = {part.number: frozenset(part.commits) for part in survey.parts.values()}
    beyond = _beyond(bench, survey.release, {part.base for part in survey.parts.values()})
    for a, b in _sharing(survey):
        for first, second in ((a, b), (b, a)):
            part, base = survey.parts[first], survey.parts[second].base
            is_part = len(commits[first]) < len(commits[second]) and commits[first] <= commits[second]
            if is_part or (base in beyond and _has(bench, merger, part, base)):
                yield first, second


def _has(bench: Bench, merger: Merger, part: Part, commit: str) -> bool:
    merge = merger.merge(part.base, part.tip, commit)
    return merge.is_clean and merge.tree == bench.tree_of(commit)


def _beyond(bench: Bench, release: str, bases: set[str]) -> frozenset[str]:
    """The bases that the release does not stand on: they may hold what it lacks."""
    asked = "".join(f"{base}\n" for base in sorted(bases)) + f"^{release}\n"
    return frozenset(bench.git("rev-list", "--stdin", stdin=asked.encode()).decode().split()) & bases


class _Laying:
    """The stack as far as it has grown: `tip` is a commit and `tree` is its tree."""

    def __init__(self, bench: Bench, merger: Merger, survey: Survey) -> None:
        self.bench, self.merger, self.survey = bench, merger, survey
        self.tip, self.tree = survey.release, bench.tree_of(survey.release)
        told = bench.git("show", "-s", "--format=%ct", survey.release).strip() or b"0"
        self._date = max(0, min(int(told), LATEST_DATE))
        self._lower: list[int] = []

    def lay(self, part: Part) -> Laid:
        alone = self.survey.trials[part.number].alone
        if part.is_taken:
            return Laid(part.number, State.UPSTREAM, alone)
        before = (self.tip, self.tree, self._date)
        count, conflict = self._lay_each(part.commits)
        is_squashed = conflict is not None and len(part.commits) > 1
        if is_squashed:
            self.tip, self.tree, self._date = before
            count, conflict = self._lay_whole(part)
        if conflict is not None:
            self.tip, self.tree, self._date = before
            return self._conflicting(part, alone, conflict)
        if not count:
            return Laid(part.number, State.UPSTREAM, alone, holder=self._holder(part, alone))
        self._lower.append(part.number)
        return Laid(part.number, State.APPLIED, alone, self.tip, self.tree, count, is_squashed)

    def _lay_each(self, series: Sequence[str]) -> tuple[int, Merge | None]:
        """How many commits changed something, and the merge that was not clean."""
        count = 0
        for commit in series:
            raw = self.bench.objects.read(commit, "commit")
            parent = raw.partition(b"\n\n")[0].partition(b"\nparent ")[2][:40].decode()
            merge = self.merger.merge(parent, commit, self.tree)
            if not merge.is_clean:
                return count, merge
            count += self._put(merge.tree, raw)
        return count, None

    def _lay_whole(self, part: Part) -> tuple[int, Merge | None]:
        merge = self.merger.merge(part.base, part.tip, self.tree)
        if not merge.is_clean:
            return 0, merge
        raws = [self.bench.objects.read(commit, "commit") for commit in part.commits]
        messages = b"\n\n".join(raw.partition(b"\n\n")[2].strip(b"\n") for raw in raws) + b"\n"
        return self._put(merge.tree, raws[0].partition(b"\n\n")[0] + b"\n\n" + messages), None

    def _put(self, tree: str, raw: bytes) -> int:
        """A commit of this tree with the author and the message of another one; 0 if it changes nothing."""
        if tree == self.tree:
            return 0
        head, _, message = raw.partition(b"\n\n")
        author, encoding = AUTHOR.search(head), ENCODING.search(head + b"\n")
        self._date = min(self._date + 1, LATEST_DATE)
        committer = b"%s %d +0000" % (COMMITTER, self._date)
        lines = [b"tree " + tree.encode(), b"parent " + self.tip.encode()]
        lines += [author[0] if author else b"author " + committer, b"committer " + committer]
        told = b"\n".join(lines) + b"\n" + (encoding[0] if encoding else b"") + b"\n" + message
        self.tip, self.tree = self.bench.write("commit", told), tree
        return 1

    def _holder(self, part: Part, alone: Alone) -> int:
        """Which earlier one has what this one would bring; the release itself if it alone brings nothing."""
        if alone == Alone.UPSTREAM:
            return 0
        shared = [number for number in self._lower if self.survey.files[number] & self.survey.files[part.number]]
        return shared[-1] if shared else 0

    def _conflicting(self, part: Part, alone: Alone, merge: Merge) -> Laid:
        """With those below that it conflicts with as a pair, else with the last one below that changes these files."""
        lower, paths = set(self._lower), set(merge.conflicts)
        pairs = [(number, pair) for number, pair in self.survey.pairs_of(part.number) if number in lower]
        against = [
            number for number, pair in pairs if pair.meeting != Meeting.FINE and paths & {*pair.paths, *pair.files}
        ]
        if not against and alone != Alone.CONFLICTS:
            against = [number for number in self._lower if self.survey.files[number] & paths][-1:]
        return Laid(part.number, State.CONFLICTS, alone, against=tuple(sorted(against)), paths=merge.conflicts)
