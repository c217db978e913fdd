"""What a change is, whatever lines it moved to: git's stable patch ids, of a whole, of its files, of history."""

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


def file_fingerprints(repo: Path, base: str, tip: str) -> dict[str, str]:
    """Path -> the patch id of what happens to that file; two changes that share one have work in common."""
    sections = diff(repo, base, tip).split(b"\ndiff --git ")
    names = git(repo, "diff-tree", "-r", "-z", "--no-renames", "--name-only", base, tip, fence=Fence())
    paths = names.decode("utf-8", "replace").split("\0")[:-1]
    if not paths:
        return {}
    numbered = [
        b"%040x\n%s%s\n" % (number, b"diff --git " if number else b"", section)
        for number, section in enumerate(sections)
    ]
    listed = git(repo, "patch-id", "--stable", input=b"".join(numbered), fence=Fence()).decode().split("\n")
    numbers = dict(line.split()[::-1] for line in listed if line)
    return {path: numbers.get(f"{number:040x}", "") for number, path in enumerate(paths)}


def patch_ids_of_commits(repo: Path, commits: Sequence[str]) -> dict[str, str]:
    """Patch id -> commit, of ordinary commits; each is computed once and kept in a file of the repository."""
    known = _read(repo / CACHE)
    unknown = [commit for commit in commits if commit not in known]
    for start in range(0, len(unknown), AT_ONCE):
        fresh = _compute(repo, unknown[start : start + AT_ONCE])
        _append(repo / CACHE, fresh.items())
        known |= fresh
    return {known[commit]: commit for commit in reversed(commits) if known[commit] != NO_CHANGE}


def _compute(repo: Path, commits: Sequence[str]) -> dict[str, str]:
    changes = git(repo, *DIFF, "--stdin", input="\n".join(commits).encode() + b"\n")
    listed = git(repo, "patch-id", "--stable", input=changes).decode().split("\n")
    found = dict(line.split()[::-1] for line in listed if line)
    return {commit: found.get(commit, NO_CHANGE) for commit in commits}


def _read(cache: Path) -> dict[str, str]:
    if not cache.exists():
        return {}
    lines = cache.read_text("ascii", "replace").split("\n")
    return {words[0]: words[1] for words in map(str.split, lines[:-1]) if len(words) == 2}  # noqa: PLR2004 - a pair


def _append(cache: Path, pairs: Iterable[tuple[str, str]]) -> None:
    with cache.open("a", encoding="ascii") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        stream.write("".join(f"{commit} {number}\n" for commit, number in pairs))
