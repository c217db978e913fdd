"""Meeting a release: every current revision on every supported release, in memory, many at a time.

A bell takes its row's neighbours along: what waits of the same component, the newest release and the most used
first, for some seconds. What was tried before is tried alone, so that what ends a worker ends no neighbour.
"""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from itertools import groupby
from typing import TYPE_CHECKING, Any

from django.db import transaction

from contributions.checkout import fitting
from contributions.checkout.mirror import held
from contributions.errors import LeaseLost, Refusal, Trouble
from contributions.models import Contribution, Event, Fit, Standing

from .confirming import settle_doubt
from .explaining import queue_inquiry
from .leasing import leased_together
from .moving import queue_build_by_policy
from .offering import queue_offer
from .places import mirror_of, mirror_with
from .stranding import tell_of_turn
from .unveiling import unveil_if_clear
from .upstreaming import place_by_fit
from .whose import whose_paths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from contributions.models.work import Work

    Judged = tuple[Fit, fitting.Verdict]

log = logging.getLogger(__name__)

AT_ONCE = 50  # rows that are claimed together; a worker that is killed has done so many in vain
SECONDS = 5  # of a batch, so that what else waits for this worker has its turn


def fit(pk: int) -> Sequence[Work]:
    """Judge the pair if it waits for that, and its neighbours; return what they queued, and who is to judge on."""
    row: Fit | None = Fit.objects.claim(pk)
    if row is None:
        return []
    if row.attempts > 1:
        return judge_all([row])
    component = row.revision.contribution.component_id
    over = time.monotonic() + SECONDS
    rows = [row, *Fit.objects.claim_neighbours(component, AT_ONCE - 1)]
    queued: list[Work] = []
    while rows:
        queued += judge_all(rows)
        rows = Fit.objects.claim_neighbours(component, AT_ONCE) if time.monotonic() < over else []
    return [*queued, *Fit.objects.neighbours(component)[:1]]


def judge_all(rows: Sequence[Fit]) -> list[Work]:
    """Rows of one component, all claimed. Each contribution's verdicts are recorded as soon as it has all of them."""
    ordered = sorted(rows, key=lambda row: (row.revision.contribution_id, row.revision_id, row.pk))
    queued: list[Work] = []
    with leased_together(ordered):
        judged = _judged(_fetched(ordered))
        for contribution, group in groupby(judged, key=lambda pair: pair[0].revision.contribution_id):
            queued += _record_all(contribution, list(group))
    for contribution in {row.revision.contribution_id for row in ordered}:
        queued += unveil_if_clear(contribution)
    return queued


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
    change = revision.diff.read() if revision.diff and not revision.bundle_id else b""
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


def _record_all(contribution: int, judged: Sequence[Judged]) -> list[Work]:
    """The verdicts on one contribution, counted once. A row that another worker has meanwhile is left to it."""
    queued: list[Work] = []
    with transaction.atomic():
        locked = Contribution.objects.select_for_update(of=("self",)).get(pk=contribution)
        for row, verdict in judged:
            try:
                with transaction.atomic():
                    queued += _record(row, verdict, is_draft=locked.is_draft)
            except LeaseLost as lost:
                log.warning("Dropped the result of %s: %s", row, lost)
        Standing.objects.recompute(locked)
    return queued


def _record(row: Fit, verdict: fitting.Verdict, *, is_draft: bool) -> list[Work]:
    row.finish(
        verdict.kind,
        tree=verdict.tree,
        commit=verdict.commit,
        upstream_commit=verdict.upstream_commit,
        evidence=verdict.evidence,
        conflicts=list(verdict.files),
        way=verdict.way,
        commits=[_line(part) for part in verdict.commits],
        renames=dict(verdict.renames),
        sentence=verdict.detail,
    )
    works: list[Work] = [*settle_doubt(row), *queue_inquiry(row)]
    Event.objects.write(
        Event.Verb.FITTED,
        contribution=row.revision.contribution,
        revision=row.revision,
        release=row.release,
        text=row.state,
    )
    tell_of_turn(row)
    place_by_fit(row)
    build = queue_build_by_policy(row) if row.is_buildable and not is_draft else None
    return [*works, *([build] if build else []), *queue_offer(row)]


def _line(part: fitting.Part) -> dict[str, Any]:
    """A commit of a series, as its fit keeps it."""
    return {
        "sha": part.commit,
        "subject": part.subject,
        "state": part.state,
        "upstream_commit": part.upstream_commit,
        "evidence": part.evidence,
        "conflicts": list(part.conflicts),
    }
