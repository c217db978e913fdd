"""Whether a release holds a commit of upstream, and did not take it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contributions.checkout.annals import annals_of
from contributions.checkout.history import read_commit
from contributions.checkout.repositories import has_commit, is_ancestor
from contributions.checkout.runner import git
from contributions.checkout.upstream import Stretch

if TYPE_CHECKING:
    from pathlib import Path

    from contributions.checkout.annals import Annals


def holds(repo: Path, commit: str, release: str) -> bool:
    """Of two commits of the repository. A release that reverted it does not hold it, unless that was reverted too.

    A commit may be older than the annals; of reverts those count that are not, which follow it by their date.
    """
    annals = annals_of(repo)
    annals.cover([release])
    found, stretch = annals.named(commit), Stretch(annals, "", release)
    if found is not None:
        return found in stretch and stretch.reverted_by(found) is None
    if not _is_behind_the_annals(annals, commit, release):
        return False
    told = read_commit(commit, git(repo, "cat-file", "commit", commit))
    return stretch.reverted_by(told) is None


def _is_behind_the_annals(annals: Annals, commit: str, release: str) -> bool:
    return not annals.is_whole and has_commit(annals.repo, commit) and is_ancestor(annals.repo, commit, release)
