"""Laying a change onto another commit, in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contributions.checkout.runner import GitFailed

if TYPE_CHECKING:
    from contributions.checkout.bench import Bench

DOES_NOT_FIT = 1  # what merge-tree and apply answer for a conflict
IDENTITY = {
    "GIT_AUTHOR_NAME": "Patchbay",
    "GIT_AUTHOR_EMAIL": "patchbay@example.invalid",
    "GIT_COMMITTER_NAME": "Patchbay",
    "GIT_COMMITTER_EMAIL": "patchbay@example.invalid",
}


def merged(bench: Bench, base: str, tip: str, onto: str) -> tuple[str, tuple[str, ...]]:
    """The tree of base..tip on commit `onto`, or no tree and the conflicting paths.

    git's --merge-base option came with 2.40. Three commits without history, whose parents say what the
    merge base is, do the same with 2.38.
    """
    root = _bare_commit(bench, base)
    ours, theirs = _bare_commit(bench, onto, root), _bare_commit(bench, tip, root)
    command = ("merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", ours, theirs)
    try:
        return bench.git(*command).split(b"\0")[0].decode().strip(), ()
    except GitFailed as failure:
        if failure.code != DOES_NOT_FIT:
            raise
        return "", tuple(sorted(set(names(failure.stdout)[1:])))


def _bare_commit(bench: Bench, commit: str, *parents: str) -> str:
    """A commit of the same tree whose only history is the given parents."""
    dates = {"GIT_AUTHOR_DATE": "@0 +0000", "GIT_COMMITTER_DATE": "@0 +0000"}
    words = [word for parent in parents for word in ("-p", parent)]
    made = bench.git("commit-tree", f"{commit}^{{tree}}", *words, env={**IDENTITY, **dates})
    return made.decode().strip()


def names(listed: bytes) -> list[str]:
    return [name.decode("utf-8", "replace") for name in listed.split(b"\0") if name]
