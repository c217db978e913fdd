"""How one revision meets one release: judged in memory, without a work tree.

Already upstream is a ladder: what history tells (upstream.py), then a patch that can be taken off the release,
then a merge that changes nothing, and last a commit of the same subject, which makes it only probable.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from contributions.checkout.bench import Bench
from contributions.checkout.fingerprints import diff
from contributions.checkout.merging import DOES_NOT_FIT, IDENTITY, merged, names
from contributions.checkout.repositories import has_commit, is_ancestor
from contributions.checkout.runner import GitFailed, git
from contributions.checkout.upstream import Account, Evidence, Question, ask_history

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

NOT_THERE = 128
LATEST_DATE = 0xFFFFFFFF
HUNK = re.compile(rb"^@@ -(\d+)", re.MULTILINE)


class Kind(StrEnum):
    APPLIES = "applies"
    MERGES = "merges"
    UPSTREAM = "upstream"
    PROBABLY_UPSTREAM = "probably-upstream"
    NO_BASE = "no-base"
    CONFLICTS = "conflicts"


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
    state: str
    upstream_commit: str = ""
    evidence: str = ""
    conflicts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """How they meet. `commit` is the patched release and `tree` its tree (applies, merges); `files` conflict.

    `way` tells how it applies (exact, offset, 3-way, context), `commits` what becomes of each commit of a series,
    `renames` pairs a path of the patch with where upstream has that file now.
    """

    kind: Kind
    tree: str = ""
    commit: str = ""
    files: tuple[str, ...] = ()
    upstream_commit: str = ""
    evidence: str = ""
    detail: str = ""
    way: str = ""
    commits: tuple[Part, ...] = ()
    renames: tuple[tuple[str, str], ...] = ()


def judge(repo: Path, patch: Patch, release: str, *, keep: str = "") -> Verdict:
    """Meet a release (a commit id) with a patch; `keep` names a ref for the patched release."""
    return next(judge_many(repo, [Cell(patch, release, keep)]))


def judge_many(repo: Path, cells: Sequence[Cell]) -> Iterator[Verdict]:
    """Meet each cell's release with its patch, in the order of the cells.

    The same patch and the same release give the same ids. Raises GitFailed if git fails or takes too long at a
    cell; what comes behind it may be judged by another call.
    """
    for cell in cells:
        yield _judged(repo, cell.patch, cell.release, keep=cell.keep)


def _judged(repo: Path, patch: Patch, release: str, *, keep: str) -> Verdict:
    with Bench(repo) as bench:
        known = has_commit(repo, patch.base) and has_commit(repo, patch.tip)
        verdict = _met(bench, patch, release) if known else _met_by_context(bench, patch.diff, release)
        if verdict.commit:
            bench.adopt_commit(verdict.commit)
            if keep:
                git(repo, "update-ref", keep, verdict.commit)
    return verdict


def _met(bench: Bench, patch: Patch, release: str) -> Verdict:
    if is_ancestor(bench.repo, patch.tip, release):
        return Verdict(Kind.UPSTREAM, upstream_commit=patch.tip, evidence=Evidence.ANCESTOR)
    change = diff(bench.repo, patch.base, patch.tip)
    paths = tuple(names(bench.git("diff-tree", "-r", "-z", "--name-only", patch.base, patch.tip)))
    account = ask_history(Question(bench.repo, patch.base, patch.tip, release, change, paths))
    if account.sighting:
        found = account.sighting
        return Verdict(Kind.UPSTREAM, upstream_commit=found.commit, evidence=found.evidence)
    return _met_by_content(bench, patch, release, change, account)


def _met_by_content(bench: Bench, patch: Patch, release: str, change: bytes, account: Account) -> Verdict:
    detail = " ".join(account.remarks)
    tree, files = merged(bench, patch.base, patch.tip, release)
    if tree == _tree_of(bench, release):
        return Verdict(Kind.UPSTREAM, evidence=Evidence.EMPTY_MERGE, detail=detail)
    applied = _applied(bench, change, release)
    if not applied and _applied(bench, change, release, "--reverse"):
        return Verdict(Kind.UPSTREAM, evidence=Evidence.REVERSE_APPLY, detail=detail)
    if not tree:
        return _conflict(files, account)
    kind = Kind.APPLIES if applied == tree else Kind.MERGES
    return Verdict(kind, tree, _commit(bench, tree, release, patch.tip), detail=detail)


def _conflict(files: tuple[str, ...], account: Account) -> Verdict:
    detail = " ".join(account.remarks)
    if account.namesake is None:
        return Verdict(Kind.CONFLICTS, files=files, detail=detail)
    return Verdict(
        Kind.PROBABLY_UPSTREAM,
        files=files,
        upstream_commit=account.namesake.id,
        evidence=Evidence.SUBJECT,
        detail=f"A commit of the release has the same subject; please compare them. {detail}".strip(),
    )


def _met_by_context(bench: Bench, change: bytes, release: str) -> Verdict:
    """For a patch whose base is not here: its context lines alone say where it belongs."""
    tree = _applied(bench, change, release) if change else ""
    if not tree and change and _applied(bench, change, release, "--reverse"):
        return Verdict(Kind.UPSTREAM, evidence=Evidence.REVERSE_APPLY)
    if not tree:
        return Verdict(Kind.NO_BASE, detail="The commit that it was made on is not in the component's history.")
    moved = set(HUNK.findall(change)) != set(HUNK.findall(bench.git("diff-tree", "-p", release, tree)))
    where = "at other lines than it names; look at the result" if moved else "at the lines that it names"
    detail = f"Its base is not in the component's history; it applied by its context, {where}."
    return Verdict(Kind.APPLIES, tree, _commit(bench, tree, release, ""), detail=detail)


def _applied(bench: Bench, change: bytes, release: str, *options: str) -> str:
    """The tree after applying with exact context, or nothing."""
    bench.git("read-tree", release)
    try:
        bench.git("apply", "--cached", "--whitespace=nowarn", *options, "-", stdin=change)
    except GitFailed as failure:
        if failure.code not in {DOES_NOT_FIT, NOT_THERE} or failure.timed_out:
            raise
        return ""
    return bench.git("write-tree").decode().strip()


def _commit(bench: Bench, tree: str, release: str, tip: str) -> str:
    """The patched release, dated as the release: no clock has a part in it."""
    told = int(bench.git("show", "-s", "--format=%ct", release).strip() or b"0")
    date = f"@{max(0, min(told, LATEST_DATE))} +0000"
    env = {**IDENTITY, "GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
    message = f"Patch the release.\n\nRelease: {release}\n" + (f"Patch: {tip}\n" if tip else "")
    made = bench.git("commit-tree", tree, "-p", release, stdin=message.encode(), env=env)
    return made.decode().strip()


def _tree_of(bench: Bench, commit: str) -> str:
    return bench.git("rev-parse", "--verify", f"{commit}^{{tree}}").decode().strip()
