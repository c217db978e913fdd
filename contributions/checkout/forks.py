"""A fork on its way in: a branch of a git server or of a bundle, beside upstream's objects and apart from others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contributions.checkout.addresses import check_url
from contributions.checkout.bundles import read_header, said_of_branches
from contributions.checkout.receipt import HEAD, Limits, fetch_ref, unpack_bundle
from contributions.checkout.runner import MIB, Fence, GitFailed, git
from contributions.errors import Invalid

if TYPE_CHECKING:
    from pathlib import Path

LIMITS = Limits(seconds=900, pack_bytes=512 * MIB, memory_bytes=1536 * MIB, is_whole=True)
LISTING_SECONDS = 60


def fetch_fork(url: str, ref: str, into: Path, *, alternates: Path, allow_private: bool) -> str:
    """The commit of the branch, or of the one that the server names itself.

    Raises Invalid with a sentence that lists the branches when there is none of that name.
    """
    try:
        tip = fetch_ref(url, ref or HEAD, into, alternates=alternates, allow_private=allow_private, limits=LIMITS)
    except Invalid as refusal:
        if not refusal.sentence.startswith("There is no branch"):
            raise
        raise Invalid(_no_branch(refusal.sentence, url, into, allow_private=allow_private), field="git_ref") from None
    _refuse_shallow(into)
    return tip


def _refuse_shallow(repo: Path) -> None:
    """Where the server's history ends, git takes a commit for the first one; all of upstream's would count as new."""
    if (repo / "shallow").exists():
        raise Invalid(
            "The repository at this address has the newest part of its history alone (it is a shallow clone). "
            "Fetch the rest into it with git fetch --unshallow, or name a whole one.",
            field="git_url",
        )


def _no_branch(sentence: str, url: str, repo: Path, *, allow_private: bool) -> str:
    """The same sentence, with what there is to choose from, as far as the server tells."""
    names = _branches(url, repo, allow_private=allow_private)
    if names is None:
        return sentence
    return f"{sentence} {said_of_branches(names)}" if names else "The repository at this address is empty."


def _branches(url: str, repo: Path, *, allow_private: bool) -> list[str] | None:
    address = check_url(url, allow_private=allow_private)
    fence = Fence(protocols=address.scheme, configuration=address.configuration, output_bytes=MIB)
    try:
        listed = git(
            repo, "ls-remote", "--heads", "--end-of-options", address.pinned_url,
            env=address.environment, timeout=LISTING_SECONDS, fence=fence,
        )  # fmt: skip
    except GitFailed:
        return None
    return [line.partition("\t")[2] for line in listed.decode("utf-8", "replace").splitlines()]


def unpack_fork(bundle: Path, ref: str, into: Path, *, alternates: Path) -> str:
    """The same of an uploaded bundle: of several branches one is named, or is the HEAD that it brings."""
    tips = read_header(bundle.read_bytes()).tips
    if not ref and len(set(tips.values())) > 1:
        if HEAD not in tips:
            raise Invalid(f"Say which branch of the bundle is meant. {said_of_branches(tips)}", field="git_ref")
        ref = HEAD
    return unpack_bundle(bundle, into, alternates=alternates, ref=ref)
