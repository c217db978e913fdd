"""Whether a release holds a commit of upstream, and did not take it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contributions.checkout.history import Commit, History, read_history
from contributions.checkout.repositories import has_commit, is_ancestor
from contributions.checkout.runner import git

if TYPE_CHECKING:
    from pathlib import Path


def holds(repo: Path, commit: str, release: str) -> bool:
    """Of two commits of the repository. A release that reverted it does not hold it, unless that was reverted too."""
    if not has_commit(repo, commit) or not is_ancestor(repo, commit, release):
        return False
    itself = _commit(repo, commit)
    since = read_history(repo, commit, release)
    return History([*since.commits, itself]).reverted_by(itself) is None


def _commit(repo: Path, commit: str) -> Commit:
    said = git(repo, "show", "-s", "--format=%H%x00%s%x00%b", commit).decode("utf-8", "replace")
    number, subject, body = said.strip("\n").split("\0", 2)
    return Commit(number, subject, body)
