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
        return fetch_ref(url, ref or HEAD, into, alternates=alternates, allow_private=allow_private, limits=LIMITS)
    except Invalid as refusal:
        if not refusal.sentence.startswith("There is no branch"):
            raise
        listed = said_of_branches(_branches(url, into, allow_private=allow_private))
        raise Invalid(f"{refusal.sentence} {listed}", field="git_ref") from None


def _branches(url: str, repo: Path, *, allow_private: bool) -> list[str]:
    address = check_url(url, allow_private=allow_private)
    fence = Fence(protocols=address.scheme, configuration=address.configuration, output_bytes=MIB)
    try:
        listed = git(
            repo, "ls-remote", "--heads", "--end-of-options", address.pinned_url,
            env=address.environment, timeout=LISTING_SECONDS, fence=fence,
        )  # fmt: skip
    except GitFailed:
        return []
    return [line.partition("\t")[2] for line in listed.decode("utf-8", "replace").splitlines()]


def unpack_fork(bundle: Path, ref: str, into: Path, *, alternates: Path) -> str:
    """The same of an uploaded bundle: of several branches one is named, or is the HEAD that it brings."""
    tips = read_header(bundle.read_bytes()).tips
    if not ref and len(set(tips.values())) > 1:
        if HEAD not in tips:
            raise Invalid(f"Say which branch of the bundle is meant. {said_of_branches(tips)}", field="git_ref")
        ref = HEAD
    return unpack_bundle(bundle, into, alternates=alternates, ref=ref)
