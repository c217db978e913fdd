"""How one revision meets one release: judged in memory, without a work tree, many cells at a time.

Already upstream is a ladder: what history tells (upstream.py), then a patch that can be taken off the release,
then a merge that changes nothing, and last a commit of the same subject, which makes it only probable.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from contributions.checkout.annals import annals_of
from contributions.checkout.meeting import Desk
from contributions.checkout.verdicts import Cell, Kind, Part, Patch, Verdict, Way
from contributions.errors import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from contributions.checkout.strangeness import Whose

__all__ = ["Cell", "Kind", "Part", "Patch", "Verdict", "Way", "judge", "judge_many"]

AT_ONCE = 64  # cells that are prepared together


def judge(repo: Path, patch: Patch, release: str, *, keep: str = "", whose: Whose | None = None) -> Verdict:
    """Meet a release (a commit id) with a patch; `keep` names a ref for the patched release."""
    return next(judge_many(repo, [Cell(patch, release, keep)], whose))


def judge_many(repo: Path, cells: Iterable[Cell], whose: Whose | None = None) -> Iterator[Verdict]:
    """Meet each cell's release with its patch, in the order of the cells.

    The same patch and the same release give the same ids. `whose` names the component that has these paths, if any
    has. Raises GitFailed if git fails or takes too long at a cell; what comes behind it may be judged by another call.
    """
    waiting = iter(cells)
    with Desk(repo, annals_of(repo), whose) as desk:
        while some := list(islice(waiting, AT_ONCE)):
            is_ready = _prepared(desk, some)
            for cell in some:
                if not is_ready:
                    desk.prepare([cell])
                yield desk.judge(cell)


def _prepared(desk: Desk, cells: Sequence[Cell]) -> bool:
    """What fails for all of them together fails once more for the one whose fault it is, and for that one alone."""
    try:
        desk.prepare(cells)
    except Trouble:
        return False
    return True
