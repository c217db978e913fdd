"""Makes commits of patches on a base, in a bare repository and without a work tree, and tells commits back as bytes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from contributions.checkout.applying import Applied, PatchText as PatchText
from contributions.checkout.bench import Bench
from contributions.checkout.mails import write_mail
from contributions.checkout.runner import Fence, git
from contributions.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
DIFF = (
    "-c",
    f"attr.tree={EMPTY_TREE}",  # a repository's own attributes must not hide a change from its readers
    "diff-tree",
    "-r",
    "-p",
    "-M",
    "--full-index",
    "--binary",
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
    "--src-prefix=a/",
    "--dst-prefix=b/",
)


@dataclass(frozen=True)
class Made:
    """The commits in order, the last one the tip, and sentences about hunks that were found elsewhere.

    `is_merged`: something was made from another version than the base has, and merged into that.
    """

    commits: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    is_merged: bool = False

    @property
    def tip(self) -> str:
        return self.commits[-1]


@dataclass(frozen=True)
class Commit:
    sha: str
    subject: str
    body: str
    author_name: str
    author_email: str
    authored_at: datetime | None

    @property
    def message(self) -> str:
        return f"{self.subject}\n\n{self.body}".strip() + "\n"


def make_commits(
    repo: Path, base: str, patches: Sequence[PatchText], *, committer: tuple[str, str], at: datetime
) -> Made:
    """Put `patches` one on the other on commit `base`; the same input gives the same ids.

    Raises Invalid, naming file and hunk, when a patch does not apply or would not become what it says; then the
    repository has no new object. No ref is made.
    """
    commits: list[str] = []
    warnings: list[str] = []
    is_merged = False
    with Bench(repo) as bench:
        tip = base
        for number, patch in enumerate(patches, 1):
            try:
                applied = Applied(bench, tip, patch, warnings)
                tip, is_merged = applied.commit(committer, at), is_merged or bool(applied.sources)
            except Invalid as refusal:
                raise _of_part(refusal, number, len(patches)) from None
            commits.append(tip)
        bench.adopt()
    return Made(tuple(commits), tuple(warnings), is_merged)


def _of_part(refusal: Invalid, number: int, parts: int) -> Invalid:
    return Invalid(f"Part {number} of {parts}: {refusal.sentence}") if parts > 1 else refusal


# telling commits back


def diff(repo: Path, base: str, tip: str) -> bytes:
    """The change from `base` to `tip` in git's form, renames found, binary content and full blob ids included."""
    return git(repo, *DIFF, base, tip, fence=Fence())


def mbox(repo: Path, base: str, tip: str) -> bytes:
    """The commits after `base` as mails that plain `git am` makes into the same trees; the same bytes for ever."""
    return b"".join(mail for _, mail in mails(repo, base, tip))


def mails(repo: Path, base: str, tip: str) -> list[tuple[Commit, bytes]]:
    """The same, one by one."""
    commits = commits_between(repo, base, tip)
    found = []
    for number, commit in enumerate(commits, 1):
        change = git(repo, *DIFF, "--patch-with-stat", "--summary", "--no-commit-id", commit.sha, fence=Fence())
        found.append((commit, write_mail(commit, change, number, len(commits))))
    return found


def commits_between(repo: Path, base: str, tip: str) -> tuple[Commit, ...]:
    """The commits after `base` up to `tip`, oldest first, merges left out."""
    form = "--format=%H%n%an%n%ae%n%ad%n%B"
    options = ("--reverse", "--topo-order", "--no-merges", "-z", "--encoding=UTF-8", "--date=raw", form)
    listed = git(repo, "log", *options, f"{base}..{tip}", "--", fence=Fence())
    return tuple(_commit(record) for record in listed.decode("utf-8", "replace").split("\0") if record)


def _commit(record: str) -> Commit:
    sha, name, email, date, message = record.split("\n", 4)
    subject, _, body = message.lstrip("\n").partition("\n\n")
    return Commit(sha, " ".join(subject.split()), body.strip("\n"), name, email, _moment(date))


def _moment(raw: str) -> datetime | None:
    """Any number is a date to git; None for those that no calendar has."""
    seconds, _, zone = raw.partition(" ")
    try:
        offset = datetime.strptime(zone or "+0000", "%z").tzinfo
        return datetime.fromtimestamp(int(seconds), offset)
    except (ValueError, OverflowError, OSError):
        return None
