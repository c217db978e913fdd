"""Meeting a release: every current revision on every supported release, in memory, many at a time.

A bell takes its row's neighbours along: what waits of the same component, the newest release and the most used
first, for some seconds. What was tried before is tried alone, so that what ends a worker ends no neighbour.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from contributions.checkout import fitting
from contributions.checkout.mirror import held
from contributions.errors import LeaseLost, Refusal, Trouble
from contributions.models import Fit

from .leasing import leased_together
from .places import mirror_of, mirror_with
from .recording import record_all
from .unveiling import unveil_all_clear
from .whose import whose_paths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from contributions.models.work import Work

    from .recording import Judged

AT_ONCE = 50  # rows that are claimed together; a worker that is killed has done so many in vain
UNRECORDED_SECONDS = 2  # after which verdicts are written down, those of some cells or of all of them
SECONDS = 5  # of a batch, so that what else waits for this worker has its turn


def fit(pk: int) -> Sequence[Work]:
    """Judge the pair if it waits for that, and its neighbours; return what they queued, and who is to judge on."""
    row: Fit | None = Fit.objects.to_judge().claim(pk)
    if row is None:
        return []
    if row.attempts > 1:
        return judge_all([row])
    component = row.revision.contribution.component_id
    over = time.monotonic() + SECONDS
    rows = [row, *Fit.objects.to_judge().claim_neighbours(component, AT_ONCE - 1)]
    queued: list[Work] = []
    while rows:
        queued += judge_all(rows)
        rows = Fit.objects.to_judge().claim_neighbours(component, AT_ONCE) if time.monotonic() < over else []
    return [*queued, *Fit.objects.neighbours(component)[:1]]


def judge_all(rows: Sequence[Fit]) -> list[Work]:
    """Rows of one component, all claimed. Of a worker that is killed the verdicts of its last seconds are lost."""
    ordered = sorted(rows, key=lambda row: (row.revision.contribution_id, row.revision_id, row.pk))
    queued: list[Work] = []
    with leased_together(ordered):
        for portion in _portions(_judged(_fetched(ordered))):
            queued += record_all(portion)
    return [*queued, *unveil_all_clear({row.revision.contribution_id for row in ordered})]


def _portions(judged: Iterator[Judged]) -> Iterator[list[Judged]]:
    """What is judged within a short time is recorded together."""
    portion: list[Judged] = []
    begun = time.monotonic()
    for pair in judged:
        portion.append(pair)
        if time.monotonic() - begun > UNRECORDED_SECONDS:
            yield portion
            portion, begun = [], time.monotonic()
    if portion:
        yield portion


def _fetched(rows: Sequence[Fit]) -> list[Fit]:
    """Those whose revisions the mirror holds now; the others are put back."""
    mirror = _tried(rows, lambda row: mirror_of(row.revision.contribution.component))
    if mirror is None:
        return []
    wanted = {str(row.revision_id): row.revision.tip_commit for row in rows if row.revision.bundle_id}
    there = held(mirror, wanted)
    missing = [row for row in rows if str(row.revision_id) in wanted.keys() - there]
    lost = [row for row in missing if _tried([row], lambda row: mirror_with(row.revision)) is None]
    return [row for row in rows if row not in lost]


def _judged(rows: Sequence[Fit]) -> Iterator[Judged]:
    """A cell that fails is put back, and those behind it are judged without it."""
    done = 0
    while done < len(rows):
        left = rows[done:]
        component = left[0].revision.contribution.component
        verdicts = fitting.judge_many(mirror_of(component), (_cell(row) for row in left), whose_paths(component))
        try:
            for row, verdict in zip(left, verdicts, strict=False):
                done += 1
                yield row, verdict
        except (Refusal, Trouble) as problem:
            _put_back([rows[done]], problem)
            done += 1


def _cell(row: Fit) -> fitting.Cell:
    """The diff alone serves a revision whose commits could not be made."""
    revision = row.revision
    change = revision.diff.read() if not revision.bundle_id and revision.diff else b""
    patch = fitting.Patch(revision.base_commit, revision.tip_commit, change)
    return fitting.Cell(patch, row.release_commit, f"refs/fits/{revision.pk}/{row.release_id}")


def _tried(rows: Sequence[Fit], work: Callable[[Fit], Path]) -> Path | None:
    try:
        return work(rows[0])
    except (Refusal, Trouble) as problem:
        _put_back(rows, problem)
        return None


def _put_back(rows: Sequence[Fit], problem: Refusal | Trouble) -> None:
    for row in rows:
        with suppress(LeaseLost):
            row.put_back(problem.sentence)
