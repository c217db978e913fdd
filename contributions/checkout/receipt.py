"""What strangers send as git: pulled or unpacked into a quarantine, checked there, and thrown away with it."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from contributions.checkout.addresses import UNREACHABLE, Address, check_ref, check_url, is_commit_id
from contributions.checkout.bundles import complaint, unpack, write_bundle
from contributions.checkout.mirror import upstream_of
from contributions.checkout.repositories import commit_of, new_repository
from contributions.checkout.runner import MIB, Fence, GitFailed, git
from contributions.errors import Invalid, TooLarge

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

INCOMING = "refs/patchbay/in"
RAW = re.compile(rb":(\d{6}) (\d{6}) ([0-9a-f]{40}) ([0-9a-f]{40}) ([A-Z])\d*")
SUBMODULE, LINK, NOTHING = b"160000", b"120000", b"0" * 40
ALL_OF_IT = 2**31 - 1  # the depth that git takes for no limit; it still refuses servers that speak no git protocol
HEAD = "HEAD"  # the branch that a server names when nobody names one


@dataclass(frozen=True)
class Limits:
    """How much may be sent; sizes in bytes, the time in seconds."""

    seconds: float = 50
    pack_bytes: int = 256 * MIB
    memory_bytes: int = 768 * MIB
    commits: int = 50
    files: int = 5000
    file_bytes: int = 16 * MIB
    all_bytes: int = 64 * MIB
    is_whole: bool = False  # all the history that upstream has not, where a contribution brings its last commits only

    @property
    def depth(self) -> int:
        return ALL_OF_IT if self.is_whole else self.commits + 10


LIMITS = Limits()


class Base(NamedTuple):
    """Where a tip left upstream: the nearest of the given commits, and the merge base with it."""

    release: str
    commit: str


def fetch_ref(  # noqa: PLR0913 - what, whence, whereto, and under which rules
    url: str, ref: str, into: Path, *, alternates: Path, allow_private: bool, limits: Limits = LIMITS
) -> str:
    """Pull one branch, tag or commit into the quarantine `into`, made here; answers the commit id.

    Of `alternates`, a mirror, it sees what upstream gave and no other stranger's objects. Raises Invalid or
    TooLarge with a sentence. An address that refuses, is silent or is not followed gives one and the same.
    """
    address = check_url(url, allow_private=allow_private)
    name = check_ref(ref)
    _quarantine(into, alternates)
    whole = is_commit_id(name) or name.startswith("refs/") or name == HEAD
    deadline = time.monotonic() + limits.seconds
    for source in [name] if whole else [f"refs/heads/{name}", f"refs/tags/{name}"]:
        try:
            _fetch(into, address, source, replace(limits, seconds=max(1, deadline - time.monotonic())))
            return commit_of(into, INCOMING)
        except GitFailed as failure:
            if "couldn't find remote ref" not in failure.stderr:
                raise _refusal(failure, into, name, limits) from failure
    raise Invalid(f"There is no branch or tag {name} at this address.", field="git_ref")


def unpack_bundle(bundle: Path, into: Path, *, alternates: Path, ref: str = "") -> str:
    """The same for an uploaded bundle, which must bring one commit (or `ref`) and stand on upstream's."""
    _quarantine(into, alternates)
    return unpack(into, bundle.read_bytes(), ref=ref)


def _quarantine(into: Path, mirror: Path) -> None:
    new_repository(into, borrowing=upstream_of(mirror))


def _fetch(into: Path, address: Address, source: str, limits: Limits) -> None:
    """A depth makes git refuse servers that speak no git protocol; those could send it on to other hosts."""
    fence = Fence(
        file_bytes=limits.pack_bytes,
        memory_bytes=limits.memory_bytes,
        protocols=address.scheme,
        configuration=address.configuration,
    )
    options = ("--no-tags", "--no-recurse-submodules", "--no-auto-gc", "--no-write-fetch-head", "-q")
    command = (
        "fetch",
        *options,
        f"--depth={limits.depth}",
        "--end-of-options",
        address.pinned_url,
        f"+{source}:{INCOMING}",
    )
    git(into, *command, env=address.environment, timeout=limits.seconds, fence=fence)


def _refusal(failure: GitFailed, into: Path, ref: str, limits: Limits) -> Invalid | TooLarge:
    said = failure.stderr
    # git is ended by the limit without a word; the pack that it was writing is as large as it could get.
    if any(pack.stat().st_size >= limits.pack_bytes for pack in into.glob("objects/pack/tmp_pack_*")):
        return TooLarge(f"The ref brings more than {limits.pack_bytes // MIB} MiB.", field="git_url")
    if "fsck error" in said or "error in packed object" in said:
        return Invalid(f"git refuses the objects behind {ref}: {complaint(said)}", field="git_ref")
    if "not our ref" in said or "unadvertised object" in said:
        return Invalid(f"The server does not have or does not give out commit {ref}.", field="git_ref")
    if "Needed a single revision" in said or "expected commit type" in said:
        return Invalid(f"{ref} is not a commit.", field="git_ref")
    return Invalid(UNREACHABLE, field="git_url")


def base_of(repo: Path, tip: str, upstream: Sequence[str]) -> Base | None:
    """Of the given upstream commits (releases, tips of branches) the one that the fewest commits part from `tip`."""
    nearest: Base | None = None
    fewest = 0
    for commit in upstream:
        own = int(git(repo, "rev-list", "--count", tip, f"^{commit}", fence=Fence()))
        common = "" if nearest and own >= fewest else _merge_base(repo, tip, commit)
        if common:
            nearest, fewest = Base(commit, common), own
    return nearest


def _merge_base(repo: Path, tip: str, commit: str) -> str:
    try:
        return git(repo, "merge-base", tip, commit, fence=Fence()).decode().strip()
    except GitFailed as failure:
        if failure.code != 1:
            raise
        return ""


def make_bundle(repo: Path, base: str, tip: str, *, since: str = "", limits: Limits = LIMITS) -> bytes:
    """base..tip as a bundle, once it was found fit to be stored (see `check_change`).

    Where upstream has no such base, the bundle begins at `since`, which it has, and holds the base as well.
    """
    check_change(repo, base, tip, limits)
    if since:
        check_change(repo, since, base, limits)
    return write_bundle(repo, since or base, tip)


def check_change(repo: Path, base: str, tip: str, limits: Limits = LIMITS) -> None:
    """Refuse commits that are too many, merges, submodules, links out of the tree, odd names and great sizes.

    Every commit of the series is looked at, since every one of them is stored. Raises Invalid or TooLarge.
    """
    commits = git(repo, "rev-list", "--reverse", f"--max-count={limits.commits + 1}", tip, f"^{base}").decode().split()
    if not commits:
        raise Invalid("There is nothing on it that upstream has not.", field="git_ref")
    if len(commits) > limits.commits:
        raise TooLarge(f"A contribution may have {limits.commits} commits.", field="git_ref")
    if git(repo, "rev-list", "--merges", "--max-count=1", tip, f"^{base}").strip():
        raise Invalid("It has merge commits; rebase it onto one upstream commit.", field="git_ref")
    blobs: dict[bytes, str] = {}
    for commit in commits:
        blobs |= _checked_entries(repo, commit, limits)
    _check_sizes(repo, blobs, limits)


def _checked_entries(repo: Path, commit: str, limits: Limits) -> dict[bytes, str]:
    """The new blobs of one commit, with a path for each."""
    fence = Fence(output_bytes=4 * MIB, memory_bytes=512 * MIB, cpu_seconds=20)
    command = ("diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", "--root", "--no-commit-id", commit)
    try:
        words = git(repo, *command, fence=fence).split(b"\0")
    except GitFailed as failure:
        if failure.said_too_much or failure.code < 0 or "out of memory" in failure.stderr.lower():
            raise _too_many_files(commit, limits) from failure
        raise
    if len(words) // 2 > limits.files:
        raise _too_many_files(commit, limits)
    blobs = {}
    for raw, name in zip(words[0::2], words[1::2], strict=False):
        if found := RAW.fullmatch(raw):
            path = _checked_name(name, commit)
            _check_mode(repo, found, path)
            if found[4] != NOTHING:
                blobs[found[4]] = path
    return blobs


def _too_many_files(commit: str, limits: Limits) -> TooLarge:
    return TooLarge(f"Commit {commit[:12]} changes more than {limits.files:,} files.", field="git_ref")


def _checked_name(name: bytes, commit: str) -> str:
    try:
        path = name.decode()
    except UnicodeDecodeError:
        path = ""
    if not path.isprintable() or not path or "\\" in path:
        shown = "".join(letter if letter.isprintable() else "?" for letter in name.decode("utf-8", "replace"))
        raise Invalid(f"Commit {commit[:12]} has a file name that the portal does not take: {shown}", field="git_ref")
    return path


def _check_mode(repo: Path, entry: re.Match[bytes], path: str) -> None:
    if entry[2] == SUBMODULE:
        raise Invalid(f"{path} is a submodule; a contribution brings its own files only.", field="git_ref")
    if entry[2] == LINK and not is_inside(path, git(repo, "cat-file", "blob", entry[4].decode(), fence=Fence())):
        raise Invalid(f"{path} is a link that leads out of the tree.", field="git_ref")


def is_inside(path: str, target: bytes) -> bool:
    """Whether a link at `path` stays in the tree: up only at its beginning, and not further than to the root."""
    parts = [part for part in target.split(b"/") if part not in {b"", b"."}]
    ups = parts.count(b"..")
    upward_first = all(part == b".." for part in parts[:ups])
    return bool(target) and target[:1] != b"/" and upward_first and ups <= path.count("/")


def _check_sizes(repo: Path, blobs: dict[bytes, str], limits: Limits) -> None:
    asked = b"".join(blob + b"\n" for blob in blobs)
    shape = "--batch-check=%(objectsize) %(objectname)"
    total = 0
    for line in git(repo, "cat-file", shape, input=asked, fence=Fence()).splitlines():
        size, blob = int(line.split()[0]), line.split()[1]
        total += size
        if size > limits.file_bytes:
            raise TooLarge(f"{blobs[blob]} is larger than {limits.file_bytes // MIB} MiB.", field="git_ref")
    if total > limits.all_bytes:
        raise TooLarge(f"The files it brings take more than {limits.all_bytes // MIB} MiB.", field="git_ref")
