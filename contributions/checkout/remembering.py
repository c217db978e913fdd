"""Conflicts that were settled before: learnt from a port, and settled the same way when they come again.

git's own rerere does it. Its cache is filled anew for each call from what the caller kept, in a repository of its own
whose work tree holds the conflicting files alone, under names of ours: no path and no attribute of a stranger's counts.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from contributions.checkout.bench import Bench
from contributions.checkout.commits import commits_between
from contributions.checkout.merging import Merger
from contributions.checkout.repositories import new_repository
from contributions.checkout.runner import KIB, Fence, GitFailed, run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from contributions.checkout.commits import Commit
    from contributions.checkout.merging import Merge, Stage

MOST_FILES = 50  # that conflict in one commit; who has more has another problem
MOST_BYTES = 512 * KIB  # of a file with its conflicts
REGULAR = {"100644", "100755"}
EVERY_SIDE = {1, 2, 3}  # the stages of a file that both sides changed


@dataclass(frozen=True)
class Memory:
    """How the conflicts of one file were settled: `key` is rerere's, `before` and `after` the file."""

    path: str
    key: str
    before: bytes
    after: bytes


@dataclass(frozen=True)
class Try:
    """What came out: the new tip if it is whole; the files that were settled, by path their keys; and what is left."""

    tip: str = ""
    used: tuple[tuple[str, str], ...] = ()
    left: tuple[str, ...] = ()


@dataclass(frozen=True)
class Conflict:
    """One file that both sides changed: `mode` as the side has it that is merged onto, `text` with the markers."""

    path: str
    mode: str
    blobs: tuple[str, str, str]
    text: bytes


@dataclass(frozen=True)
class Laid:
    """The tree of a merge, with markers in what conflicts; `odd` are conflicts that no text settles."""

    tree: str
    conflicts: tuple[Conflict, ...] = ()
    odd: tuple[str, ...] = ()


def learn(repo: Path, base: str, tip: str, port_base: str, port_tip: str) -> list[Memory]:
    """How a port settled what conflicts of base..tip on its own base; commit by commit where it has as many."""
    olds, news = ([*commits_between(repo, *ends)] for ends in ((base, tip), (port_base, port_tip)))
    if len(olds) == len(news):
        ends = zip(
            [base, *(one.sha for one in olds)], olds, [port_base, *(one.sha for one in news)], news, strict=False
        )
        steps = [(before, old.sha, onto, new.sha) for before, old, onto, new in ends]
    else:
        steps = [(base, tip, port_base, port_tip)]
    found: dict[str, Memory] = {}
    with Bench(repo) as bench, Merger(bench) as merger, Desk(repo) as desk:
        for before, old, onto, new in steps:
            conflicts = lay(bench, merger.merge(before, old, onto)).conflicts
            after = {conflict.path: _blob_at(bench, new, conflict.path) for conflict in conflicts}
            for memory in desk.learnt(conflicts, after):
                found.setdefault(memory.key, memory)
    return list(found.values())


def carry(
    repo: Path, base: str, tip: str, onto: str, recall: Callable[[Sequence[str]], Mapping[str, tuple[bytes, bytes]]]
) -> Try:
    """Lay base..tip on commit `onto`, commit by commit; `recall` gives before and after for some of the keys."""
    used: list[tuple[str, str]] = []
    here, parent = onto, base
    with Bench(repo) as bench, Merger(bench) as merger, Desk(repo) as desk:
        for commit in commits_between(repo, base, tip):
            laid = lay(bench, merger.merge(parent, commit.sha, here))
            settled = desk.settled(laid.conflicts, recall)
            left = (*laid.odd, *(each.path for each in laid.conflicts if each.path not in settled))
            if left:
                return Try(used=tuple(used), left=left)
            used += [(path, key) for path, (key, _) in settled.items()]
            tree = _tree(bench, laid, {path: text for path, (_, text) in settled.items()})
            here, parent = commit_again(bench, tree, here, commit), commit.sha
        if here == onto:
            return Try(used=tuple(used))
        bench.adopt()
    return Try(here, tuple(dict.fromkeys(used)))


class Desk:
    """A repository of its own with an index, a cache of resolutions and a few files; gone after the block."""

    def __init__(self, repo: Path) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="desk-", dir=repo))
        self._git = new_repository(self._folder / "desk.git")
        self._files = self._folder / "files"
        self._cache = self._git / "rr-cache"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def learnt(self, conflicts: Sequence[Conflict], after: Mapping[str, bytes]) -> list[Memory]:
        """What rerere would remember if the conflicts were settled so; a file that still has some teaches nothing."""
        keys = self._noted(conflicts)
        for at, conflict in enumerate(conflicts):
            if after[conflict.path]:
                self._file(at).write_bytes(after[conflict.path])
        self._rerere()
        pairs = [(conflicts[at].path, key, *self._pair(key)) for at, key in sorted(keys.items())]
        return [Memory(path, key, old, new) for path, key, old, new in pairs if old and new]

    def settled(
        self, conflicts: Sequence[Conflict], recall: Callable[[Sequence[str]], Mapping[str, tuple[bytes, bytes]]]
    ) -> dict[str, tuple[str, bytes]]:
        """By path the key and the text of each conflict that is settled by what is recalled."""
        keys = self._noted(conflicts)
        known = recall(sorted(set(keys.values()))) if keys else {}
        if not known:
            return {}
        self._lay(conflicts)
        for key, (before, after) in known.items():
            (self._cache / key).mkdir(parents=True)
            (self._cache / key / "preimage").write_bytes(before)
            (self._cache / key / "postimage").write_bytes(after)
        self._rerere()
        left = self._remaining()
        found = {at: key for at, key in keys.items() if key in known and f"{at:04}" not in left}
        return {conflicts[at].path: (key, self._file(at).read_bytes()) for at, key in found.items()}

    def _noted(self, conflicts: Sequence[Conflict]) -> dict[int, str]:
        """The keys of the conflicts by their places, as rerere notes them down with an empty cache."""
        if not conflicts:
            return {}
        self._lay(conflicts)
        self._rerere()
        listed = self._git / "MERGE_RR"
        rows = [row.split("\t") for row in listed.read_text().split("\0") if row] if listed.exists() else []
        return {int(name): key for key, name in rows if "." not in key}

    def _lay(self, conflicts: Sequence[Conflict]) -> None:
        """Begin anew with these files."""
        for made in (self._files, self._cache):
            shutil.rmtree(made, ignore_errors=True)
            made.mkdir()
        for name in ("MERGE_RR", "index"):
            (self._git / name).unlink(missing_ok=True)
        rows = b""
        for at, conflict in enumerate(conflicts):
            self._file(at).write_bytes(conflict.text)
            for stage, blob in enumerate(conflict.blobs, 1):
                rows += f"100644 {blob} {stage}\t{at:04}\0".encode()
        self._run("update-index", "-z", "--index-info", stdin=rows)

    def _file(self, at: int) -> Path:
        return self._files / f"{at:04}"

    def _pair(self, key: str) -> tuple[bytes, bytes]:
        before, after = self._cache / key / "preimage", self._cache / key / "postimage"
        return (before.read_bytes(), after.read_bytes()) if before.exists() and after.exists() else (b"", b"")

    def _rerere(self) -> None:
        """What rerere cannot read, it leaves as it is, and so do we."""
        with suppress(GitFailed):
            self._run("rerere")

    def _remaining(self) -> set[str]:
        try:
            return set(self._run("rerere", "remaining").decode().split())
        except GitFailed:
            return {path.name for path in self._files.iterdir()}

    def _run(self, *args: str, stdin: bytes = b"") -> bytes:
        """Rerere looks for the files where it is started, which holds no file but ours."""
        there = ("--git-dir", str(self._git), "--work-tree", str(self._files), "-C", str(self._files))
        settings = ("-c", "rerere.enabled=true", "-c", "core.bare=false", "-c", "rerere.autoUpdate=false")
        return run([*there, *settings, *args], input=stdin, fence=Fence())


def lay(bench: Bench, merge: Merge) -> Laid:
    """Sort what conflicts: only texts that both sides changed can be settled by lines."""
    sides: dict[str, dict[int, Stage]] = {}
    for stage in merge.stages:
        sides.setdefault(stage.path, {})[stage.number] = stage
    conflicts, odd = [], []
    for path, stages in sides.items():
        both = stages.keys() == EVERY_SIDE and {stage.mode for stage in stages.values()} <= REGULAR
        text = _blob_at(bench, merge.tree, path) if both and len(sides) <= MOST_FILES else b""
        if text:
            conflicts.append(Conflict(path, stages[2].mode, (stages[1].blob, stages[2].blob, stages[3].blob), text))
        else:
            odd.append(path)
    return Laid(merge.tree, tuple(conflicts), tuple(odd))


def _blob_at(bench: Bench, treeish: str, path: str) -> bytes:
    """The file's bytes; nothing if there is none, or too much of it."""
    asked = f"{treeish}:{path}\n".encode("utf-8", "surrogateescape")
    if b"\n" in asked[:-1]:
        return b""
    told = bench.git("cat-file", "--batch-check=%(objecttype) %(objectsize) %(objectname)", stdin=asked).split()
    if told[:1] != [b"blob"] or int(told[1]) > MOST_BYTES:
        return b""
    return bench.git("cat-file", "blob", told[2].decode())


def _tree(bench: Bench, laid: Laid, settled: Mapping[str, bytes]) -> str:
    """The merge's tree with the settled files in the place of those with markers."""
    if not settled:
        return laid.tree
    modes = {conflict.path: conflict.mode for conflict in laid.conflicts}
    rows = b""
    for path, text in settled.items():
        blob = bench.git("hash-object", "-w", "--no-filters", "--stdin", stdin=text).decode().strip()
        rows += f"{modes[path]} {blob} 0\t{path}\0".encode("utf-8", "surrogateescape")
    bench.git("read-tree", laid.tree)
    bench.git("update-index", "-z", "--index-info", stdin=rows)
    return bench.git("write-tree").decode().strip()


def commit_again(bench: Bench, tree: str, parent: str, told: Commit) -> str:
    """The commit as its author made it, on another parent; one that has nothing left to do is left out."""
    if tree == bench.tree_of(parent):
        return parent
    raw = bench.git("cat-file", "commit", told.sha)
    header, _, message = raw.partition(b"\n\n")
    kept = [line for line in header.split(b"\n") if line.startswith((b"author ", b"encoding "))]
    committer = b"committer Patchbay <patchbay@localhost> " + kept[0].rsplit(b"> ", 1)[-1]
    lines = [b"tree " + tree.encode(), b"parent " + parent.encode(), kept[0], committer, *kept[1:]]
    made = b"\n".join(lines) + b"\n\n" + message
    return bench.git("hash-object", "-t", "commit", "-w", "--stdin", stdin=made).decode().strip()
