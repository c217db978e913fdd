"""What upstream wrote about a commit: its subject, Change-Ids, and which other commit it took back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

MOST = 20_000  # commits looked at, newest first
MOST_CANDIDATES = 3_000  # commits that touch the same files, whose patch ids are compared
CHANGE_ID = re.compile(r"^Change-Id:\s*(I[0-9a-f]{8,40})\s*$", re.MULTILINE | re.IGNORECASE)
PICKED = re.compile(r"cherry picked from commit ([0-9a-f]{7,40})")
REVERTS = re.compile(r"This reverts commit ([0-9a-f]{7,40})")
REVERT_SUBJECT = re.compile(r'Revert "(.*)"')
IDENTITY = re.compile(rb"^(author|committer) (.*?) ?<[^>\n]*>(?: (\d+))?", re.MULTILINE)
PARENT = re.compile(rb"^parent ([0-9a-f]{40,64})$", re.MULTILINE)
ENCODING = re.compile(rb"^encoding (\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Commit:
    """`at` is when it was committed, in seconds; `names` are its id and those that it was picked from.

    `takes_back` names commits (or their beginnings) and `takes_back_subject` a subject that it reverts.
    """

    id: str
    parents: tuple[str, ...]
    at: int
    author: str
    subject: str
    change_ids: tuple[str, ...] = ()
    picked: tuple[str, ...] = ()
    takes_back: tuple[str, ...] = ()
    takes_back_subject: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        return (self.id, *self.picked)

    @property
    def is_revert(self) -> bool:
        return bool(self.takes_back or self.takes_back_subject)

    def says_to_take_back(self, other: Commit) -> bool:
        if self.takes_back:
            pairs = ((name, given) for name in other.names for given in self.takes_back)
            return any(name.startswith(given) or given.startswith(name) for name, given in pairs)
        return bool(self.takes_back_subject) and self.takes_back_subject == other.subject


class History:
    """Commits, newest first, and which of them took another one back."""

    def __init__(self, commits: list[Commit]) -> None:
        self.commits = commits

    @cached_property
    def _places(self) -> dict[str, int]:
        return {commit.id: place for place, commit in enumerate(self.commits)}

    @cached_property
    def _reverts(self) -> list[tuple[int, Commit]]:
        return [(place, each) for place, each in enumerate(self.commits) if each.is_revert]

    def named(self, commit_id: str) -> Commit | None:
        place = self._places.get(commit_id)
        return None if place is None else self.commits[place]

    def reverted_by(self, commit: Commit) -> Commit | None:
        """The later commit that took this one back, unless that one was taken back as well."""
        here = self._places[commit.id]
        for place, later in self._reverts:
            if place < here and later.says_to_take_back(commit) and not self.reverted_by(later):
                return later
        return None


def commit_of(  # noqa: PLR0913, PLR0917 - what git tells of a commit, in its order
    name: str, parents: tuple[str, ...], at: int, author: str, subject: str, body: str
) -> Commit:
    """What its message says, taken apart."""
    reverted = REVERT_SUBJECT.fullmatch(subject)
    return Commit(
        name,
        parents,
        at,
        author,
        subject,
        tuple(sorted({found.lower() for found in CHANGE_ID.findall(body)})),
        tuple(PICKED.findall(body)),
        tuple(REVERTS.findall(body)),
        reverted[1] if reverted else "",
    )


def read_commit(name: str, raw: bytes) -> Commit:
    """A commit out of its bytes."""
    head, _, message = raw.partition(b"\n\n")
    told = ENCODING.search(head)
    text = _decoded(message, told[1].decode("ascii", "replace") if told else "utf-8").replace("\0", "\ufffd")
    subject, _, body = text.strip("\n").partition("\n\n")
    people = {found[1]: found for found in IDENTITY.finditer(head)}
    author, committer = people.get(b"author"), people.get(b"committer")
    return commit_of(
        name,
        tuple(found.decode() for found in PARENT.findall(head)),
        int(committer[3] or 0) if committer else 0,
        author[2].decode("utf-8", "replace") if author else "",
        " ".join(subject.split("\n")),
        body,
    )


def _decoded(message: bytes, encoding: str) -> str:
    try:
        return message.decode(encoding, "replace")
    except LookupError:
        return message.decode("utf-8", "replace")
