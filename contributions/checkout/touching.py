"""What lies between two commits of upstream, so that what a push cannot have changed is not judged again.

The verdict on a patch follows from its paths, from where upstream moved them, and from what commits that touch
them say. Wherever it is not certain that all of that is the same, the patch counts as touched.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from contributions.checkout.history import CHANGE_ID
from contributions.checkout.repositories import is_ancestor, paths_in
from contributions.checkout.runner import GitFailed, git

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

MOST = 20_000  # commits between two; beyond, everything counts as touched
SECONDS = 120  # that git may take to list them


@dataclass(frozen=True)
class Reach:
    """All that a patch depends on: the paths that it changes, those that it adds, and what its commits are called.

    `paths` hold where upstream moved its files as well. `words` are subjects and Change-Ids.
    """

    paths: frozenset[str]
    added: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Stretch:
    """The way from one commit to another: what its commits touch on either side, and what they say.

    `paths` is None when too much lies between them to tell.
    """

    paths: frozenset[str] | None
    words: frozenset[str] = frozenset()
    has_new_files: bool = False
    there: frozenset[str] = field(default=frozenset(), repr=False)
    gone: frozenset[str] = frozenset()
    is_forward: bool = True

    def may_change(self, reach: Reach) -> bool:
        """Whether the verdict may be another one at the end than it was at the beginning."""
        if self.paths is None or not self.words.isdisjoint(reach.words):
            return True
        everything = reach.paths | reach.added
        if not everything.isdisjoint(self._near) or _any_below(self.paths, everything):
            return True
        if self.has_new_files and not reach.paths <= self.there:
            return True  # a file that was gone may be found again under a new name
        return _any_below(self.gone, reach.added)

    @cached_property
    def _near(self) -> frozenset[str]:
        """What is touched, and each folder above it: a file may take the place of a folder."""
        paths = self.paths or frozenset()
        return paths | {folder for path in paths for folder in _folders(path) if folder}


EVERYTHING = Stretch(None)


def stretch_between(repo: Path, old: str, new: str) -> Stretch:
    """What lies between two commits, whichever is the older; EVERYTHING if git cannot tell in time."""
    try:
        touched, words = _said(repo, old, new)
        changed = dict(_differences(repo, old, new))
        there = paths_in(repo, new)
        forward = is_ancestor(repo, old, new)
    except GitFailed:
        return EVERYTHING
    if touched is None:
        return EVERYTHING
    gone = {folder for path, status in changed.items() if status == "D" for folder in _folders(path)}
    kept = {folder for path in there for folder in _folders(path)}
    if any("/" not in path for path in there):
        kept.add("")
    else:
        kept.discard("")
    new_files = "A" in changed.values()
    return Stretch(touched | set(changed), words, new_files, there, frozenset(gone - kept), forward)


def _said(repo: Path, old: str, new: str) -> tuple[frozenset[str] | None, frozenset[str]]:
    """The paths that commits on either side touch, and their subjects and Change-Ids; None for too many commits."""
    span = f"{old}...{new}"
    count = int(git(repo, "rev-list", "--count", f"--max-count={MOST + 1}", span, "--", timeout=SECONDS))
    if count > MOST:
        return None, frozenset()
    told = git(repo, "log", "--format=%s%x00%b%x00", span, "--", timeout=SECONDS).decode("utf-8", "replace").split("\0")
    subjects = {" ".join(subject.split()) for subject in told[0::2]}
    change_ids = {found.lower() for body in told[1::2] for found in CHANGE_ID.findall(body)}
    options = ("-c", "--no-renames", "--name-only", "--format=", "-z")
    listed = git(repo, "log", *options, span, "--", timeout=SECONDS).decode("utf-8", "surrogateescape")
    paths = {path.removeprefix("\n") for path in listed.split("\0")} - {""}
    return frozenset(paths), frozenset(subjects | change_ids) - {""}


def _differences(repo: Path, old: str, new: str) -> Iterator[tuple[str, str]]:
    """Each path that is not the same in both trees, with A for added, D for deleted, or another letter."""
    listed = git(repo, "diff-tree", "-r", "-z", "--name-status", "--no-renames", old, new, timeout=SECONDS)
    words = listed.decode("utf-8", "surrogateescape").split("\0")[:-1]
    yield from zip(words[1::2], words[0::2], strict=True)


def _any_below(folders: frozenset[str], paths: Iterable[str]) -> bool:
    return any(not folders.isdisjoint(_folders(path)) for path in paths)


def _folders(path: str) -> Iterable[str]:
    """All that a path lies in, up to the root, which is the empty name."""
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path
    yield ""
