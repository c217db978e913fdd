"""Laying a change onto another commit, in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from contributions.checkout.talking import Talk

if TYPE_CHECKING:
    from types import TracebackType

    from contributions.checkout.bench import Bench
    from contributions.checkout.talking import Voice

DOES_NOT_FIT = 1  # what apply answers for a conflict
IDENTITY = {
    "GIT_AUTHOR_NAME": "Patchbay",
    "GIT_AUTHOR_EMAIL": "patchbay@example.invalid",
    "GIT_COMMITTER_NAME": "Patchbay",
    "GIT_COMMITTER_EMAIL": "patchbay@example.invalid",
}
NOBODY = b"Patchbay <patchbay@example.invalid> 0 +0000"
# merge-tree keeps what it says until its buffer is full; nobody could wait for one answer then.
UNBUFFERED = ("stdbuf", "-o0")


@dataclass(frozen=True)
class Stage:
    """A side of a path that conflicts: 1 is the base, 2 what it is laid onto, 3 the change."""

    path: str
    number: int
    mode: str
    blob: str


@dataclass(frozen=True)
class Merge:
    """The tree of a merge, with conflict markers in its files where it is not clean."""

    tree: str
    is_clean: bool
    stages: tuple[Stage, ...] = ()

    @property
    def conflicts(self) -> tuple[str, ...]:
        return tuple(sorted({stage.path for stage in self.stages}))


class Merger:
    """Merges on a bench, by one process as long as it lives; what they write stays on the bench.

    git's --merge-base option came with 2.40. Three commits without history, whose parents say what the
    merge base is, do the same. `--stdin` came with 2.39.
    """

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        command = ("merge-tree", "--write-tree", "--stdin", "--no-messages", "-z", "--allow-unrelated-histories")
        self._talk = Talk(bench.repo, *command, env=bench.places, before=UNBUFFERED)
        self._known: dict[tuple[str, str, str], Merge] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        self._talk.end()

    def merge(self, base: str, tip: str, onto: str) -> Merge:
        """Lay base..tip onto `onto`; each is a commit or a tree. Raises GitFailed, Trouble for what is not here."""
        trees = (self._bench.tree_of(base), self._bench.tree_of(tip), self._bench.tree_of(onto))
        if trees not in self._known:
            self._known[trees] = self._merged(*trees)
        return self._known[trees]

    def _merged(self, base: str, tip: str, onto: str) -> Merge:
        root = self._bare_commit(base)
        ours, theirs = self._bare_commit(onto, root), self._bare_commit(tip, root)
        return self._talk.ask(f"{ours} {theirs}\n".encode(), _merge)

    def remerge(self, ours: str, theirs: str) -> Merge:
        """The merge of two commits, as git makes it by their own histories. Raises GitFailed."""
        return self._talk.ask(f"{ours} {theirs}\n".encode(), _merge)

    def merge_commit(self, tree: str, *parents: str) -> str:
        """A commit of the bench that stands for a merge, so that more can be merged with it."""
        return self._bare_commit(tree, *parents)

    def _bare_commit(self, tree: str, *parents: str) -> str:
        """A commit of the tree whose only history is the given parents."""
        lines = "".join(f"parent {parent}\n" for parent in parents).encode()
        told = b"tree %s\n%sauthor %s\ncommitter %s\n\n" % (tree.encode(), lines, NOBODY, NOBODY)
        return self._bench.write("commit", told)


def _merge(voice: Voice) -> Merge:
    is_clean = voice.until(b"\0") == b"1"
    tree = voice.until(b"\0").decode()
    stages = []
    while line := voice.until(b"\0"):
        stages.append(_stage(line))
    return Merge(tree, is_clean, tuple(stages))


def _stage(line: bytes) -> Stage:
    told, _, path = line.partition(b"\t")
    mode, blob, number = told.decode().split(" ")
    return Stage(path.decode("utf-8", "replace"), int(number), mode, blob)


def merged(bench: Bench, base: str, tip: str, onto: str) -> tuple[str, tuple[str, ...]]:
    """The tree of base..tip on commit `onto`, or no tree and the conflicting paths."""
    with Merger(bench) as merger:
        merge = merger.merge(base, tip, onto)
    return (merge.tree, ()) if merge.is_clean else ("", merge.conflicts)


def names(listed: bytes) -> list[str]:
    return [name.decode("utf-8", "replace") for name in listed.split(b"\0") if name]
