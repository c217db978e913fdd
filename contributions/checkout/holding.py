"""Whether a release holds a commit of upstream, and did not take it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contributions.checkout.annals import annals_of
from contributions.checkout.repositories import has_commit, is_ancestor
from contributions.checkout.upstream import Stretch

if TYPE_CHECKING:
    from pathlib import Path


def holds(repo: Path, commit: str, release: str) -> bool:
    """Of two commits of the repository. A release that reverted it does not hold it, unless that was reverted too."""
    annals = annals_of(repo)
    annals.cover([release])
    found, stretch = annals.named(commit), Stretch(annals, "", release)
    if found is None:  # behind what was read, perhaps
        return not annals.is_whole and has_commit(repo, commit) and is_ancestor(repo, commit, release)
    return found in stretch and stretch.reverted_by(found) is None
