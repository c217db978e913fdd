"""The commits of a fork that upstream has not: what they say, what they change, and where they left upstream."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from contributions.checkout.history import CHANGE_ID, PICKED
from contributions.checkout.runner import MIB, Fence, git
from contributions.errors import Invalid, TooLarge

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

MOST_COMMITS = 1000
MOST_RELEASES = 60  # that a fork without shared history is held against, the newest first
ALIKE = 0.5  # the part of its first files that a release must have, for the fork to be of that release
NOTHING, NO_MODE = "0" * 40, "000000"
NO_FILES = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"  # the tree of nothing, which every git knows
TOLD = "--format=%H%n%P%n%an%n%ae%n%ad%n%B"
FIELDS = 6
SUBMODULE = "160000"
# What packaging adds to a tarball: nobody's change.
PACKAGED = re.compile(r"(^|/)(PKG-INFO|[^/]+\.egg-info/.*|ChangeLog|AUTHORS|.*\.pyc)$")


class Change(NamedTuple):
    """What one commit does to one path; a mode and a blob of nothing are all zeros."""

    old_mode: str
    old_blob: str
    new_mode: str
    new_blob: str

    @property
    def old(self) -> tuple[str, str] | None:
        return None if self.old_mode == NO_MODE else (self.old_mode, self.old_blob)

    @property
    def new(self) -> tuple[str, str] | None:
        return None if self.new_mode == NO_MODE else (self.new_mode, self.new_blob)


@dataclass(frozen=True)
class Own:
    """A commit of the fork. `authored` is git's raw date; `changes` go by the bytes of the path; a merge has none."""

    id: str
    parents: tuple[str, ...]
    author_name: str
    author_email: str
    authored: str
    message: str = field(repr=False)
    changes: Mapping[bytes, Change] = field(default_factory=dict, repr=False)
    is_import: bool = False  # the first commit of a fork without shared history, held against a release

    @property
    def before(self) -> str:
        """What it is a change of: its first parent, or nothing at all."""
        return self.parents[0] if self.parents else NO_FILES

    @cached_property
    def subject(self) -> str:
        return " ".join(self.message.strip().partition("\n\n")[0].split())

    @cached_property
    def body(self) -> str:
        return self.message.strip().partition("\n\n")[2].strip()

    @cached_property
    def change_ids(self) -> frozenset[str]:
        return frozenset(found.lower() for found in CHANGE_ID.findall(self.message))

    @cached_property
    def picked_from(self) -> tuple[str, ...]:
        return tuple(PICKED.findall(self.message))

    @property
    def is_merge(self) -> bool:
        return len(self.parents) > 1

    @property
    def paths(self) -> frozenset[bytes]:
        return frozenset(self.changes)


@dataclass(frozen=True)
class Lineage:
    """The fork's own commits, parents first; the nearest release (a key of what was given) and its commit.

    `fork_point` is the commit of upstream that the fork began at; of a fork without shared history it is the
    release's own, and `import_note` says in a sentence what was done about that.
    """

    tip: str
    release: str
    fork_point: str
    commits: tuple[Own, ...]
    import_note: str = ""


def read_lineage(repo: Path, tip: str, releases: Sequence[str], upstream: Iterable[str]) -> Lineage:
    """What of `tip` is the fork's own. `releases` are commits, the preferred first; `upstream` all that upstream has.

    Raises Invalid or TooLarge with a sentence.
    """
    if not releases:
        raise Invalid("The component has no release that the fork could be held against.", field="component")
    commits = _own(repo, tip, {*releases, *upstream})
    if not commits:
        raise Invalid("There is nothing on it that upstream has not.", field="git_ref")
    first = next(iter(_mainline(commits, tip)))
    if first.parents:
        return Lineage(tip, _nearest(repo, tip, releases), first.parents[0], commits)
    return _of_import(repo, tip, commits, first, releases)


def _own(repo: Path, tip: str, upstream: Iterable[str]) -> tuple[Own, ...]:
    revisions = "\n".join([tip, *(f"^{commit}" for commit in sorted(upstream))]).encode() + b"\n"
    options = ("--topo-order", "--reverse", "-z", "--encoding=UTF-8", "--date=raw", f"--max-count={MOST_COMMITS + 1}")
    listed = git(repo, "log", *options, TOLD, "--stdin", input=revisions, fence=Fence(output_bytes=64 * MIB))
    records = [record for record in listed.decode("utf-8", "replace").split("\0") if record]
    if len(records) > MOST_COMMITS:
        raise TooLarge(
            f"The fork has more than {MOST_COMMITS:,} commits that upstream has not; that is the most.", field="git_ref"
        )
    told = [record.lstrip("\n").split("\n", FIELDS - 1) for record in records]
    changes = changes_of(repo, [words[0] for words in told])
    return tuple(
        Own(commit, tuple(parents.split()), name, mail, date, message, changes.get(commit, {}))
        for commit, parents, name, mail, date, message in told
    )


def changes_of(repo: Path, commits: Sequence[str]) -> dict[str, dict[bytes, Change]]:
    """What each ordinary commit does, in one call; one without a parent brings all of its files."""
    command = ("diff-tree", "--stdin", "--root", "-r", "-z", "--raw", "--no-abbrev", "--no-renames")
    listed = git(repo, *command, input="\n".join(commits).encode() + b"\n", fence=Fence(output_bytes=128 * MIB))
    found: dict[str, dict[bytes, Change]] = {}
    words = iter(listed.split(b"\0"))
    here: dict[bytes, Change] = {}
    for word in words:
        if word.startswith(b":"):
            here[next(words)] = _change(word)
        elif word:
            here = found[word.decode().strip()] = {}
    return found


def _change(raw: bytes) -> Change:
    old_mode, new_mode, old_blob, new_blob = raw[1:].decode().split(" ")[:4]
    return Change(old_mode, old_blob, new_mode, new_blob)


def _mainline(commits: Sequence[Own], tip: str) -> list[Own]:
    """The fork's own branch by first parents, oldest first."""
    return mainline({commit.id: commit for commit in commits}, tip)


def mainline(known: Mapping[str, Own], tip: str) -> list[Own]:
    chain = []
    here = known.get(tip)
    while here is not None:
        chain.append(here)
        here = known.get(here.parents[0]) if here.parents else None
    return chain[::-1]


def _nearest(repo: Path, tip: str, releases: Sequence[str]) -> str:
    """The release that the fewest commits part from the tip; of those, the one that it is the least behind."""

    def parted(release: str) -> tuple[int, int]:
        counted = git(repo, "rev-list", "--left-right", "--count", f"{tip}...{release}", fence=Fence())
        ours, theirs = counted.split()
        return int(ours), int(theirs)

    return min(releases, key=parted)


# a fork whose history begins with somebody's import of a tarball


def _of_import(repo: Path, tip: str, commits: tuple[Own, ...], first: Own, releases: Sequence[str]) -> Lineage:
    imported = files_in(repo, first.id)
    release, files = _most_alike(repo, imported, releases)
    changes, gone = _differences(files, imported)
    note = (
        f"It shares no history with upstream: its first commit {first.id[:12]} was held against this release, "
        f"whose files it resembles the most. {gone:,} files that only the release has count as left out on import."
    )
    root = Own(
        first.id, (release,), first.author_name, first.author_email, first.authored,
        message=f"What the import changed\n\n{first.message.strip()}\n", changes=changes, is_import=True,
    )  # fmt: skip
    rest = tuple(root if commit.id == first.id else commit for commit in commits)
    return Lineage(tip, release, release, rest, note)


def _most_alike(
    repo: Path, imported: Mapping[bytes, tuple[str, str]], releases: Sequence[str]
) -> tuple[str, dict[bytes, tuple[str, str]]]:
    best: tuple[int, str, dict[bytes, tuple[str, str]]] = (-1, "", {})
    for release in releases[:MOST_RELEASES]:
        files = files_in(repo, release)
        same = sum(files.get(path) == blob for path, blob in imported.items())
        if same > best[0]:
            best = (same, release, files)
    if best[0] < ALIKE * max(1, len(imported)):
        raise Invalid(
            "It shares no history with upstream, and its first commit resembles no release: "
            f"at most {max(0, best[0]):,} of its {len(imported):,} files are the same.",
            field="git_ref",
        )
    return best[1], best[2]


def files_in(repo: Path, commit: str) -> dict[bytes, tuple[str, str]]:
    """Path -> mode and blob of every file of a commit's tree."""
    listed = git(repo, "ls-tree", "-r", "-z", commit, fence=Fence(output_bytes=128 * MIB))
    return dict(_entries(listed))


def _entries(listed: bytes) -> Iterator[tuple[bytes, tuple[str, str]]]:
    for entry in listed.split(b"\0"):
        if entry:
            facts, _, path = entry.partition(b"\t")
            mode, _, blob = facts.decode().split(" ")
            yield path, (mode, blob)


def _differences(
    release: Mapping[bytes, tuple[str, str]], imported: Mapping[bytes, tuple[str, str]]
) -> tuple[dict[bytes, Change], int]:
    """What the import changed or added, and how many files it left out."""
    nothing = (NO_MODE, NOTHING)
    changes = {
        path: Change(*release.get(path, nothing), *found)
        for path, found in imported.items()
        if release.get(path) != found and not PACKAGED.search(path.decode("utf-8", "replace"))
    }
    return changes, len(release.keys() - imported.keys())
