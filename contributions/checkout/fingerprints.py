"""What a change is, whatever lines it moved to: git's stable patch ids, of a whole and of history."""

from __future__ import annotations

import fcntl
from typing import TYPE_CHECKING

from contributions.checkout.runner import Fence, git

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

DIFF = ("diff-tree", "-r", "-p", "--no-renames", "--full-index", "--binary", "--no-ext-diff", "--no-textconv")
CACHE = "patch-ids"  # a file in the repository: one line a commit, its patch id or a dash
AT_ONCE = 200
FEW = 50  # of a stranger, whose commits may be large
NO_CHANGE = "-"


def diff(repo: Path, base: str, tip: str) -> bytes:
    """The whole change, in the one form in which this room compares, applies and numbers changes."""
    return git(repo, *DIFF, base, tip, fence=Fence())


def patch_id(repo: Path, base: str, tip: str) -> str:
    """`git patch-id --stable` of the whole change; empty if it changes nothing."""
    return patch_id_of(repo, diff(repo, base, tip))


def patch_id_of(repo: Path, change: bytes) -> str:
    words = git(repo, "patch-id", "--stable", input=change, fence=Fence()).split()
    return words[0].decode() if words else ""


def patch_ids_of_commits(repo: Path, commits: Sequence[str]) -> dict[str, str]:
    """Patch id -> commit, of ordinary commits; of two the one named first."""
    known = PatchIds(repo).of(commits)
    return {known[commit]: commit for commit in reversed(commits) if commit in known}


class PatchIds:
    """The patch ids of commits: each is computed once and kept in a file of the repository, which may vanish."""

    def __init__(self, repo: Path) -> None:
        self._repo = repo
        self._known: dict[str, str] = {}
        self._read_to = 0

    def of(self, commits: Sequence[str]) -> dict[str, str]:
        """Commit -> patch id, without those that change nothing."""
        if any(commit not in self._known for commit in commits):
            self._read()
        unknown = [commit for commit in dict.fromkeys(commits) if commit not in self._known]
        for start in range(0, len(unknown), AT_ONCE):
            fresh = _compute(self._repo, unknown[start : start + AT_ONCE])
            _append(self._repo / CACHE, fresh.items())
            self._known |= fresh
        return {commit: self._known[commit] for commit in commits if self._known[commit] != NO_CHANGE}

    def _read(self) -> None:
        """What others wrote meanwhile, up to the last whole line."""
        try:
            with (self._repo / CACHE).open("rb") as stream:
                stream.seek(self._read_to)
                fresh = stream.read()
        except FileNotFoundError:
            return
        whole = fresh[: fresh.rfind(b"\n") + 1]
        self._read_to += len(whole)
        lines = (line.split() for line in whole.decode("ascii", "replace").split("\n"))
        self._known |= {words[0]: words[1] for words in lines if len(words) == 2}  # noqa: PLR2004 - a pair


def _compute(repo: Path, commits: Sequence[str]) -> dict[str, str]:
    changes = git(repo, *DIFF, "--root", "--stdin", input="\n".join(commits).encode() + b"\n", fence=Fence())
    listed = git(repo, "patch-id", "--stable", input=changes, fence=Fence()).decode().split("\n")
    found = dict(line.split()[::-1] for line in listed if line)
    return {commit: found.get(commit, NO_CHANGE) for commit in commits}


def _append(cache: Path, pairs: Iterable[tuple[str, str]]) -> None:
    with cache.open("a", encoding="ascii") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        stream.write("".join(f"{commit} {number}\n" for commit, number in pairs))


def patch_ids_by_commit(repo: Path, commits: Sequence[str]) -> dict[str, str]:
    """Commit -> patch id of a stranger's commits, which nothing remembers; merges and empty ones have none."""
    found: dict[str, str] = {}
    for start in range(0, len(commits), FEW):
        asked = "\n".join(commits[start : start + FEW]).encode() + b"\n"
        changes = git(repo, *DIFF, "--stdin", input=asked, fence=Fence())
        listed = git(repo, "patch-id", "--stable", input=changes, fence=Fence()).decode().split("\n")
        found |= dict(line.split()[::-1] for line in listed if line)
    return found
