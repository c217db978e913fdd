"""Laying patches anew onto a release that changed nothing of theirs: the merge alone, without asking how they fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from contributions.checkout.bench import Bench
from contributions.checkout.history import read_commit
from contributions.checkout.merging import IDENTITY, Merger
from contributions.checkout.runner import git
from contributions.errors import Trouble

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LATEST_DATE = 0xFFFFFFFF
WHO = f"{IDENTITY['GIT_AUTHOR_NAME']} <{IDENTITY['GIT_AUTHOR_EMAIL']}>"


@dataclass(frozen=True)
class Layer:
    """A patch (base..tip), and the name of the ref that keeps the patched release."""

    base: str
    tip: str
    keep: str


@dataclass(frozen=True)
class Laid:
    """The patched release and its tree."""

    commit: str
    tree: str


def lay_anew(repo: Path, layers: Sequence[Layer], release: str) -> list[Laid | None]:
    """For each patch the patched release, as `fitting.judge` makes it; None for one that does not merge after all."""
    with Bench(repo) as bench, Merger(bench) as merger:
        made = [_laid(bench, merger, layer, release) for layer in layers]
        for laid in made:
            if laid:
                bench.adopt_commit(laid.commit)
    keeps = [f"update {layer.keep} {laid.commit}\n" for layer, laid in zip(layers, made, strict=True) if laid]
    git(repo, "update-ref", "--stdin", input="".join(keeps).encode())
    return made


def _laid(bench: Bench, merger: Merger, layer: Layer, release: str) -> Laid | None:
    try:
        merge = merger.merge(layer.base, layer.tip, release)
    except Trouble:  # its commits are not here
        return None
    if not merge.is_clean or merge.tree == bench.tree_of(release):
        return None
    return Laid(patched_release(bench, merge.tree, release, layer.tip), merge.tree)


def patched_release(bench: Bench, tree: str, release: str, tip: str) -> str:
    """The commit of a patched release, dated as the release: no clock has a part in it."""
    at = read_commit(release, bench.objects.read(release, "commit")).at
    date = f"{max(0, min(at, LATEST_DATE))} +0000"
    message = f"Patch the release.\n\nRelease: {release}\n" + (f"Patch: {tip}\n" if tip else "")
    lines = f"tree {tree}\nparent {release}\nauthor {WHO} {date}\ncommitter {WHO} {date}\n\n{message}"
    return bench.write("commit", lines.encode())
