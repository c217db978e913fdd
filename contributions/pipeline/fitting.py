"""Meeting a release: every current revision on every supported release, in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction

from contributions.checkout import fitting
from contributions.errors import Refusal, Trouble
from contributions.models import Contribution, Event, Fit, Standing

from .confirming import settle_doubt
from .explaining import queue_inquiry
from .leasing import leased
from .moving import queue_build_by_policy
from .offering import queue_offer
from .places import mirror_with
from .stranding import tell_of_turn
from .unveiling import unveil_if_clear

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contributions.models.work import Work


def fit(pk: int) -> Sequence[Work]:
    """Judge the pair if it waits for that; return the build that it queued."""
    row: Fit | None = Fit.objects.claim(pk)
    if row is None:
        return []
    queued: Sequence[Work] = []
    with leased(row):
        try:
            queued = _record(row, _judge(row))
        except Refusal as refusal:
            row.put_back(refusal.sentence)
        except Trouble as trouble:
            row.put_back(trouble.sentence)
    return [*queued, *unveil_if_clear(row.revision.contribution_id)]


def _judge(row: Fit) -> fitting.Verdict:
    revision = row.revision
    repository = mirror_with(revision)
    patch = fitting.Patch(revision.base_commit, revision.tip_commit, revision.diff.read() if revision.diff else b"")
    return fitting.judge(repository, patch, row.release_commit, keep=f"refs/fits/{revision.pk}/{row.release_id}")


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


def _record(row: Fit, verdict: fitting.Verdict) -> Sequence[Work]:
    contribution = row.revision.contribution
    with transaction.atomic():
        is_draft = Contribution.objects.select_for_update(of=("self",)).get(pk=contribution.pk).is_draft
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
        works = [*settle_doubt(row), *queue_inquiry(row)]
        Event.objects.write(
            Event.Verb.FITTED, contribution=contribution, revision=row.revision, release=row.release, text=row.state
        )
        tell_of_turn(row)
        build = queue_build_by_policy(row) if row.is_buildable and not is_draft else None
        offers = queue_offer(row)
        Standing.objects.recompute(contribution)
    return [*works, *([build] if build else []), *offers]
