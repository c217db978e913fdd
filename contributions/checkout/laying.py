"""Whether a patch, or its reverse, stands in a release as `git apply` would have it, told from the blobs themselves."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from contributions.checkout.hunks import Hunk, can_stand, lay, lines_of
from contributions.checkout.merging import DOES_NOT_FIT
from contributions.checkout.runner import MIB, GitFailed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from contributions.checkout.bench import Bench
    from contributions.checkout.differences import Entry
    from contributions.checkout.dossiers import Dossier

NOT_THERE = 128  # what `git apply` answers for a path that is not there
MOST_BYTES = 8 * MIB  # of a text that is looked into here; git looks into larger ones
REMEMBERED = 300  # texts, each of at most this much
SHORT = MIB

Lines = list[bytes]


class _UnsureError(Exception):
    """Only git can tell."""


@dataclass(frozen=True)
class Laid:
    """What came out: the blob of each path (none where the path is gone), or the whole tree where git was asked."""

    blobs: Mapping[str, str]
    tree: str
    is_exact: bool


class Layer:
    """On a bench; remembers the texts that it looked into."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._texts: OrderedDict[str, Lines] = OrderedDict()

    def blob_at(self, commit: str, path: str) -> str:
        """What stands at the path of a release or another commit; empty if nothing does."""
        return self._bench.entry_at(commit, path)[1]

    def lay(self, dossier: Dossier, commit: str, *, backwards: bool = False) -> Laid | None:
        """Every hunk with all of its context, or None."""
        entries = [entry.reversed() if backwards else entry for entry in dossier.entries]
        blobs, is_exact = {}, True
        try:
            for entry in entries:
                found = self._laid(dossier, entry, self.blob_at(commit, entry.path), backwards=backwards)
                if found is None:
                    return None
                blobs[entry.path] = found[0]
                is_exact &= found[1]
        except _UnsureError:
            return self._by_git(dossier, commit, backwards=backwards)
        return Laid(blobs, "", is_exact)

    def agrees(self, laid: Laid, tree: str) -> bool:
        """Whether the tree has what came out."""
        if laid.tree:
            return laid.tree == tree
        return all(self._blob_in(tree, path) == blob for path, blob in laid.blobs.items())

    def _blob_in(self, tree: str, path: str) -> str:
        """Of a tree that nobody looks into again."""
        found = self._bench.objects.find(f"{tree}:{path}")
        return found.id if found else ""

    def _laid(self, dossier: Dossier, entry: Entry, here: str, *, backwards: bool) -> tuple[str, bool] | None:
        """The blob that comes out, and whether it does so at the lines that are named."""
        if entry.status == "T":
            raise _UnsureError
        if entry.status == "A":
            return None if here else (entry.new, True)
        if here == entry.old:
            return entry.new, True
        if not here or entry.status == "D":
            return None
        if entry.old == entry.new:  # its mode alone
            return here, True
        pair = (entry.new, entry.old) if backwards else (entry.old, entry.new)
        hunks = dossier.hunks.get(pair)
        if hunks is None:  # no text
            return None
        return self._laid_text([hunk.reversed() for hunk in hunks] if backwards else hunks, here)

    def _laid_text(self, hunks: Sequence[Hunk], here: str) -> tuple[str, bool] | None:
        lines = self._lines(here)
        laid = lay(hunks, lines)
        if laid:
            return _blob(b"".join(laid.lines)), laid.is_exact
        if len(hunks) > 1 and can_stand(hunks, lines):
            raise _UnsureError
        return None

    def _lines(self, blob: str) -> Lines:
        if blob in self._texts:
            self._texts.move_to_end(blob)
            return self._texts[blob]
        found = self._bench.objects.find(blob)
        if found is None or found.kind != "blob":
            return []
        if found.size > MOST_BYTES:
            raise _UnsureError
        lines = lines_of(self._bench.objects.read(blob, "blob"))
        if found.size <= SHORT:
            self._texts[blob] = lines
            if len(self._texts) > REMEMBERED:
                self._texts.popitem(last=False)
        return lines

    def _by_git(self, dossier: Dossier, commit: str, *, backwards: bool) -> Laid | None:
        tree = applied(self._bench, dossier.change, commit, *(["--reverse"] if backwards else []))
        return Laid({}, tree, is_exact=False) if tree else None


def applied(bench: Bench, change: bytes, commit: str, *options: str) -> str:
    """The tree after `git apply` with exact context, or nothing."""
    bench.git("read-tree", commit)
    try:
        bench.git("apply", "--cached", "--whitespace=nowarn", *options, "-", stdin=change)
    except GitFailed as failure:
        if failure.code not in {DOES_NOT_FIT, NOT_THERE} or failure.timed_out:
            raise
        return ""
    return bench.git("write-tree").decode().strip()


def _blob(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0%s" % (len(content), content), usedforsecurity=False).hexdigest()
