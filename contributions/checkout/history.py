"""What upstream wrote about its commits: subjects, Change-Ids, and which commit took another one back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from contributions.checkout.runner import git

if TYPE_CHECKING:
    from pathlib import Path

MOST = 20_000  # commits looked at, newest first
MOST_CANDIDATES = 3_000  # commits that touch the same files, whose patch ids are compared
CHANGE_ID = re.compile(r"^Change-Id:\s*(I[0-9a-f]{8,40})\s*$", re.MULTILINE | re.IGNORECASE)
PICKED = re.compile(r"cherry picked from commit ([0-9a-f]{7,40})")
REVERTS = re.compile(r"This reverts commit ([0-9a-f]{7,40})")
REVERT_SUBJECT = re.compile(r'Revert "(.*)"')


@dataclass(frozen=True)
class Commit:
    id: str
    subject: str
    body: str

    @cached_property
    def change_ids(self) -> frozenset[str]:
        return frozenset(found.lower() for found in CHANGE_ID.findall(self.body))

    @property
    def takes_back(self) -> tuple[list[str], str]:
        """The commits (or their beginnings) and the subject that this one reverts."""
        subject = REVERT_SUBJECT.fullmatch(self.subject)
        return REVERTS.findall(self.body), subject[1] if subject else ""

    def is_called(self, ids: list[str]) -> bool:
        own = [self.id, *PICKED.findall(self.body)]
        return any(name.startswith(given) or given.startswith(name) for name in own for given in ids)


class History:
    """Commits, newest first, with the questions that the ladder asks of them."""

    def __init__(self, commits: list[Commit]) -> None:
        self.commits = commits

    @cached_property
    def _places(self) -> dict[str, int]:
        return {commit.id: place for place, commit in enumerate(self.commits)}

    @cached_property
    def _reverts(self) -> list[tuple[int, Commit]]:
        return [(place, each) for place, each in enumerate(self.commits) if any(each.takes_back)]

    def with_change_id(self, ids: frozenset[str]) -> Commit | None:
        return next((commit for commit in self.commits if ids & commit.change_ids), None)

    def with_subject(self, subject: str) -> list[Commit]:
        return [commit for commit in self.commits if commit.subject == subject]

    def named(self, commit_id: str) -> Commit | None:
        place = self._places.get(commit_id)
        return None if place is None else self.commits[place]

    def reverted_by(self, commit: Commit) -> Commit | None:
        """The later commit that took this one back, unless that one was taken back as well."""
        here = self._places[commit.id]
        for place, later in self._reverts:
            ids, subject = later.takes_back
            said = commit.is_called(ids) if ids else subject == commit.subject
            if place < here and said and not self.reverted_by(later):
                return later
        return None


def read_history(repo: Path, since: str, until: str) -> History:
    """The commits in `until` that are not in `since`."""
    shape = "--format=%H%x00%s%x00%b%x00"
    listed = git(repo, "log", "--topo-order", f"--max-count={MOST}", shape, until, f"^{since}", "--")
    words = listed.decode("utf-8", "replace").split("\0")
    triples = zip(words[0::3], words[1::3], words[2::3], strict=False)
    return History([Commit(commit.strip(), subject, body) for commit, subject, body in triples])


def touching(repo: Path, since: str, until: str, paths: list[str]) -> list[str]:
    """The ordinary commits in `until` and not in `since` that touch one of the paths, newest first."""
    options = ("--no-merges", "--topo-order", f"--max-count={MOST_CANDIDATES}")
    wanted = "\n".join([until, f"^{since}", "--", *paths]) + "\n"
    listed = git(repo, "--literal-pathspecs", "rev-list", *options, "--stdin", input=wanted.encode())
    return listed.decode().split()
