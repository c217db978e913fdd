"""Comparing two revisions of a contribution, for those who have seen the older one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction

from contributions import patches
from contributions.checkout import contrasting
from contributions.errors import Refusal, Trouble
from contributions.models import Blob, Comparison, Review, Revision
from contributions.models.work import QUEUED
from contributions.plaintext import clean

from .files import told_of
from .leasing import leased
from .places import mirror_with

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contributions.models.work import Work

TOO_LARGE = "What changed between them is too large to be shown; fetch both and compare them with git."


def queue_comparisons_for(revision: Revision) -> Sequence[Work]:
    """With the revision before it, and with what each reviewer approved last, so that they see what they must.

    A port is compared with what it is a port of.
    """
    earlier = revision.contribution.revisions.filter(
        state=Revision.State.RECEIVED, number__lt=revision.number, bundle__isnull=False
    )
    if revision.is_port:
        earlier = earlier.filter(pk=revision.ports_id)
    before = earlier.own().order_by("-number").values_list("pk", flat=True)[:1]
    approvals = Review.objects.filter(revision__in=earlier.own(), verdict=Review.Verdict.APPROVE)
    approved = approvals.order_by("reviewer_id", "-revision__number").distinct("reviewer_id")
    older = {*before, *approved.values_list("revision", flat=True)}
    return [comparison for pk in sorted(older) if (comparison := queue_comparison(pk, revision.pk))]


def queue_comparison(older: int, newer: int) -> Comparison | None:
    """The comparison, if it is to be made now: it was not asked for before, or our side gave up on it."""
    row, made = Comparison.objects.get_or_create(older_id=older, newer_id=newer)
    if not made and row.state == Comparison.State.ERRORED:
        return row.move(QUEUED, attempts=0, sentence="", rung_at=None, finished_at=None)
    return row if made else None


def compare(pk: int) -> None:
    """Compare the two if that waits to be done."""
    row: Comparison | None = Comparison.objects.claim(pk)
    if row is None:
        return
    with leased(row):
        try:
            _record(row, _contrasted(row))
        except Refusal as refusal:
            row.put_back(refusal.sentence)
        except Trouble as trouble:
            row.put_back(trouble.sentence)


def _contrasted(row: Comparison) -> contrasting.Contrast:
    mirror_with(row.older)
    older, newer = (contrasting.Series(each.base_commit, each.tip_commit) for each in (row.older, row.newer))
    return contrasting.contrast(mirror_with(row.newer), older, newer, shows_conflicts=row.newer.is_port)


def _record(row: Comparison, found: contrasting.Contrast) -> None:
    columns: dict[str, Any] = {
        "commits": [commit_data(pair) for pair in found.commits],
        "conflicts": list(found.conflicts),
    }
    try:
        columns["files"] = [told_of(file) for file in patches.parse_diff(found.diff)] if found.diff.strip() else []
    except Refusal:
        row.finish(Comparison.State.DONE, **columns | {"sentence": TOO_LARGE})
        return
    with transaction.atomic():
        diff = Blob.objects.keep_bytes(found.diff) if columns["files"] else None
        row.finish(Comparison.State.DONE, **columns | {"diff": diff, "sentence": ""})


def commit_data(pair: contrasting.Pair) -> dict[str, str | bool]:
    return {
        "word": str(pair.word),
        "old": pair.old,
        "new": pair.new,
        "subject": clean(pair.subject),
        "is_reworded": pair.is_reworded,
    }
