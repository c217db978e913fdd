"""The words for how a patch meets a release."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    APPLIES = "applies"
    MERGES = "merges"
    UPSTREAM = "upstream"
    PROBABLY_UPSTREAM = "probably-upstream"
    NO_BASE = "no-base"
    CONFLICTS = "conflicts"
    NOT_FOR_THIS_TREE = "not-for-this-tree"


class Way(StrEnum):
    """How it applies: EXACT at the lines that it names, OFFSET at others, CONTEXT without its base."""

    NONE = ""
    EXACT = "exact"
    OFFSET = "offset"
    THREE_WAY = "3-way"
    CONTEXT = "context"


@dataclass(frozen=True)
class Patch:
    """base..tip; the diff alone serves where the repository does not have them."""

    base: str
    tip: str
    diff: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class Cell:
    """A patch and the release (a commit id) that it meets; `keep` names a ref for the patched release."""

    patch: Patch
    release: str
    keep: str = ""


@dataclass(frozen=True)
class Part:
    """A commit of a series: `state` is applies, upstream or conflicts."""

    commit: str
    subject: str
    state: Kind
    upstream_commit: str = ""
    evidence: str = ""
    conflicts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """How they meet. `commit` is the patched release and `tree` its tree (applies, merges); `files` conflict.

    `way` tells how it applies, `commits` what becomes of each commit of a series of two or more, `renames` pairs
    a path of the patch with where upstream has that file now.
    """

    kind: Kind
    tree: str = ""
    commit: str = ""
    files: tuple[str, ...] = ()
    upstream_commit: str = ""
    evidence: str = ""
    detail: str = ""
    way: Way = Way.NONE
    commits: tuple[Part, ...] = ()
    renames: tuple[tuple[str, str], ...] = ()
