"""What is known of a patch before it meets any release, found out once for all that it meets."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from contributions.checkout.fingerprints import patch_id_of
from contributions.checkout.history import Commit, read_commit
from contributions.checkout.hunks import Hunk, hunks_of
from contributions.checkout.runner import git

if TYPE_CHECKING:
    from contributions.checkout.bench import Bench
    from contributions.checkout.differences import Differences, Entry

LONGEST = 200  # commits of a series that are read one by one; a longer one is listed by git


@dataclass(frozen=True)
class Step:
    """A commit of a series and what it changes."""

    commit: Commit
    base: str
    tree: str
    entries: tuple[Entry, ...]

    @property
    def paths(self) -> frozenset[str]:
        return frozenset(entry.path for entry in self.entries)


class Dossier:
    """Of base..tip, two commits that the bench sees; `base_tree` and `tree` are theirs."""

    def __init__(self, bench: Bench, differences: Differences, base: str, tip: str) -> None:
        self._bench = bench
        self._differences = differences
        self.base, self.tip = base, tip
        self.base_tree, self.tree = bench.tree_of(base), bench.tree_of(tip)
        self.entries = differences.entries(self.base_tree, self.tree)

    @cached_property
    def paths(self) -> frozenset[str]:
        return frozenset(entry.path for entry in self.entries)

    @cached_property
    def change(self) -> bytes:
        return self._differences.text(self.base_tree, self.tree)

    @cached_property
    def hunks(self) -> dict[tuple[str, str], list[Hunk] | None]:
        return hunks_of(self.change)

    @cached_property
    def patch_id(self) -> str:
        return patch_id_of(self._bench.repo, self.change)

    @cached_property
    def series(self) -> tuple[Step, ...]:
        """Its commits, the first one first."""
        return tuple(self._step(commit) for commit in self._chain() or self._listed())

    def _chain(self) -> list[Commit]:
        """From the tip down to the base, if each has one parent only."""
        found: list[Commit] = []
        name = self.tip
        while name != self.base:
            commit = read_commit(name, self._bench.objects.read(name, "commit"))
            found.append(commit)
            if len(commit.parents) != 1 or len(found) > LONGEST:
                return []
            name = commit.parents[0]
        return found[::-1]

    def _listed(self) -> list[Commit]:
        if self.base == self.tip:
            return []
        order = ("--topo-order", "--reverse", "--no-merges")
        listed = git(self._bench.repo, "rev-list", *order, self.tip, f"^{self.base}", "--").decode().split()
        return [read_commit(name, self._bench.objects.read(name, "commit")) for name in listed]

    def _step(self, commit: Commit) -> Step:
        tree = self._bench.tree_of(commit.id)
        if commit.parents and commit.parents[0] == self.base and commit.id == self.tip:
            return Step(commit, self.base, tree, self.entries)
        before = self._bench.tree_of(commit.parents[0]) if commit.parents else self._bench.write("tree", b"")
        return Step(commit, before, tree, self._differences.entries(before, tree))
