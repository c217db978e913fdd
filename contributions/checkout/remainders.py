"""What no ordinary commit of a fork changed: its merges' own edits, and what its patches leave out of its tree."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from contributions.checkout.bench import Bench
from contributions.checkout.lineage import Change, files_in
from contributions.checkout.merging import Merger
from contributions.checkout.runner import GitFailed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from contributions.checkout.lifting import Files, Lifted
    from contributions.checkout.lineage import Lineage, Own
    from contributions.checkout.merging import Merge
    from contributions.checkout.unmasking import Logical

MARKERS = (b"<<<<<<< ", b"=======", b">>>>>>> ", b"||||||| ")


@dataclass(frozen=True)
class Edited:
    """A merge whose files are not as git merges its parents: how many lines were written and taken away by hand."""

    own: Own
    paths: tuple[bytes, ...]
    added: int
    removed: int
    settles: bool  # a conflict of its parents


@dataclass(frozen=True)
class Rest:
    """What is left of a fork's tree once its patches are laid one after the other on what it has of upstream.

    `changes` are the files that are otherwise then, from how the patches leave them to how the fork has them;
    `misfits` names, per number of a patch, the files that it does not fit into.
    """

    changes: Mapping[bytes, Change]
    misfits: Mapping[int, tuple[str, ...]]


class Remainders:
    """Merges tried again and patches laid, on a bench of `repo` that is gone after the block."""

    def __init__(self, repo: Path, lineage: Lineage) -> None:
        self._repo, self._lineage = repo, lineage
        self._opened = ExitStack()
        self._bench = self._opened.enter_context(Bench(repo))
        self._merger = self._opened.enter_context(Merger(self._bench))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.__exit__(kind, error, trace)

    def edited(self, merge: Own) -> Edited | None:
        """What the merge changed by itself; None where it is as git makes it, or where git does not merge at all."""
        try:
            again, settles = self._again(merge)
        except GitFailed:
            return None
        if again == self._bench.tree_of(merge.id):
            return None
        paths = tuple(_changed(self._bench, again, merge.id))
        added, removed = _lines(self._bench.git("diff-tree", "-r", "-p", "-U0", "--no-renames", again, merge.id))
        return Edited(merge, paths, added, removed, settles)

    def _again(self, merge: Own) -> tuple[str, bool]:
        """The tree that git makes of its parents, one after the other, and whether they conflict."""
        here, settles, tree = merge.parents[0], False, ""
        for parent in merge.parents[1:]:
            found = self._merger.remerge(here, parent)
            here, tree = self._merger.merge_commit(found.tree, here, parent), found.tree
            settles = settles or not found.is_clean
        return tree, settles

    def ground(self) -> str:
        """The one newest commit of upstream that the fork stands on; empty if it stands on several."""
        own = {commit.id for commit in self._lineage.commits}
        parents = {parent for commit in self._lineage.commits for parent in commit.parents} - own
        if len(parents) > 1:
            listed = self._bench.git("merge-base", "--independent", *sorted(parents))
            parents = set(listed.decode().split())
        return parents.pop() if len(parents) == 1 else ""

    def rest(self, ground: str, lifted: Sequence[Lifted]) -> Rest:
        """Lay them one after the other; a file that one does not fit into stays as it was without it."""
        here = self._bench.tree_of(ground)
        misfits: dict[int, tuple[str, ...]] = {}
        for number, one in enumerate(lifted):
            merge = self._merger.merge(one.base, one.tip, here)
            if not merge.is_clean:
                misfits[number] = merge.conflicts
            here = merge.tree if merge.is_clean else self._without_conflicts(merge, here)
        found = _changed(self._bench, here, self._lineage.tip)
        ignored = self._left_out_on_import()
        self._bench.adopt()
        return Rest({path: one for path, one in found.items() if ignored.get(path, ()) != one.new}, misfits)

    def _without_conflicts(self, merge: Merge, here: str) -> str:
        """The merge's tree, but its conflicting files as they are in `here`."""
        found = _changed(self._bench, merge.tree, here)
        kept = {stage.path.encode("utf-8", "surrogateescape") for stage in merge.stages}
        lines = [_index_line(path, change) for path, change in found.items() if path in kept]
        self._bench.git("read-tree", merge.tree)
        self._bench.git("update-index", "-z", "--index-info", stdin=b"".join(lines))
        return self._bench.git("write-tree").decode().strip()

    def _left_out_on_import(self) -> Files:
        """Of a fork that begins with an import: the files that count as the release's, as the import had them."""
        first = next((commit for commit in self._lineage.commits if commit.is_import), None)
        if first is None:
            return {}
        imported, release = files_in(self._repo, first.id), files_in(self._repo, self._lineage.release)
        paths = imported.keys() | release.keys()
        return {path: imported.get(path) for path in paths if path not in first.changes}


def _changed(bench: Bench, before: str, after: str) -> dict[bytes, Change]:
    listed = bench.git("diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", before, after)
    words = iter(listed.split(b"\0"))
    return dict(_changes(words))


def _changes(words: Iterator[bytes]) -> Iterator[tuple[bytes, Change]]:
    for raw in words:
        if raw:
            old_mode, new_mode, old_blob, new_blob = raw[1:].decode().split(" ")[:4]
            yield next(words), Change(old_mode, old_blob, new_mode, new_blob)


def _index_line(path: bytes, change: Change) -> bytes:
    return b"%s %s\t%s\0" % (change.new_mode.encode(), change.new_blob.encode(), path)


def _lines(diff: bytes) -> tuple[int, int]:
    """Lines added and taken away, but for the marks that git itself puts around a conflict."""
    added = removed = 0
    in_hunk = False
    for line in diff.split(b"\n"):
        if line.startswith(b"diff --git "):
            in_hunk = False
        elif line.startswith(b"@@ "):
            in_hunk = True
        elif in_hunk and line.startswith(b"+"):
            added += 1
        elif in_hunk and line.startswith(b"-") and not line[1:].startswith(MARKERS):
            removed += 1
    return added, removed


def touched_by_one(patches: Iterable[Logical], files: Files) -> Files:
    """The files that one patch of the fork alone touches, as they are in `files`; None for what is not there."""
    counted = Counter(path for patch in patches for path in patch.paths)
    return {path: files.get(path) for path, count in counted.items() if count == 1}
