"""Why a patch does not fit a release: who is to blame for each conflicting file, and both sides of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from contributions.checkout.bench import Bench
from contributions.checkout.blaming import Blame, Case, find_blame
from contributions.checkout.clashing import Clash, find_clashes
from contributions.checkout.merging import Merger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from contributions.checkout.merging import Stage


@dataclass(frozen=True)
class Explanation:
    """Both are empty where nothing conflicts after all."""

    blames: tuple[Blame, ...] = ()
    clashes: tuple[Clash, ...] = ()


def explain(repo: Path, base: str, tip: str, release: str) -> Explanation:
    """Of base..tip laid onto a release; all three are commits of the repository. Raises GitFailed."""
    with Bench(repo) as bench, Merger(bench) as merger:
        merge = merger.merge(base, tip, release)
        if merge.is_clean:
            return Explanation()
        case = Case(base, tip, release, merge.conflicts, _aliases(bench, base, tip, merge.stages))
        blames = find_blame(bench, case, lambda commit: merger.merge(base, tip, commit).conflicts)
        return Explanation(tuple(blames), tuple(find_clashes(bench, merge.stages)))


def _aliases(bench: Bench, base: str, tip: str, stages: Sequence[Stage]) -> Mapping[str, set[str]]:
    """What the patch calls a path that it does not know by that name: upstream, or the patch itself, moved the file."""
    said = bench.git("diff-tree", "-r", "-z", "--no-renames", base, tip).decode("utf-8", "replace").split("\0")
    own, names = set(said[1::2]), dict[str, set[str]]()
    for head, path in zip(said[0::2], said[1::2], strict=False):
        for blob in head.split(" ")[2:4]:
            names.setdefault(blob, set()).add(path)
    moved = {stage.path for stage in stages} - own
    return {
        path: {name for stage in stages if stage.path == path for name in names.get(stage.blob, ())} for path in moved
    }
