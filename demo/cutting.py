"""Cutting what people send out of the real difference between releases, in the forms that people send."""

from __future__ import annotations

import shutil
from functools import cached_property
from typing import TYPE_CHECKING

from contributions.checkout.deltas import Author, Delta, cut_delta
from contributions.checkout.runner import git
from demo.rest import File

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from demo.plan import Commit, Fork, Sending, Share


class Workshop:
    """A bare copy of the upstream repository in which contributors make their commits; it is served as well."""

    def __init__(self, upstream: Path) -> None:
        self._upstream = upstream
        self._place = upstream.parent / "contributors" / upstream.name

    @cached_property
    def repository(self) -> Path:
        if not self._place.exists():
            fresh = self._place.with_suffix(".new")
            shutil.rmtree(fresh, ignore_errors=True)
            shutil.copytree(self._upstream, fresh)
            fresh.rename(self._place)
        return self._place

    def mailbox(self, share: Share, sending: Sending) -> File:
        """As `git format-patch` writes it, one mail a commit."""
        mails = b"".join(delta.mail for delta in self._series(share, sending))
        return File(f"{share.key}-v{sending.number}.patch", mails)

    def diff(self, share: Share, sending: Sending) -> File:
        """As `git diff` writes it, without a word about who and why."""
        tip = self._series(share, sending)[-1].commit
        return File(f"{share.key}.diff", git(self.repository, "diff", share.release, tip))

    def branch(self, share: Share, sending: Sending) -> str:
        """A branch on the contributors' git server; its path there."""
        tip = self._series(share, sending)[-1].commit
        git(self.repository, "update-ref", f"refs/heads/{share.branch}", tip)
        return str(self.repository.relative_to(self._upstream.parent))

    def fork(self, fork: Fork) -> str:
        """A branch of somebody's own on the contributors' git server; its path there."""
        commits = [piece.commit for piece in fork.pieces]
        tip = self._cut(fork.keeper, fork.release, commits)[-1].commit
        git(self.repository, "update-ref", f"refs/heads/{fork.branch}", tip)
        return str(self.repository.relative_to(self._upstream.parent))

    def _series(self, share: Share, sending: Sending) -> list[Delta]:
        return self._cut(share.author, share.release, sending.commits)

    def _cut(self, username: str, release: str, commits: Sequence[Commit]) -> list[Delta]:
        author = Author(username, f"{username}@patchbay.example")
        series: list[Delta] = []
        for commit in commits:
            onto = series[-1].commit if series else ""
            series.append(
                cut_delta(
                    self.repository,
                    release,
                    commit.newer,
                    commit.files,
                    message=commit.message,
                    author=author,
                    onto=onto,
                )
            )
        return series
