"""Writing down verdicts: many fits of a component at a time, and all that follows from each, by few statements."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from django.db import transaction

from contributions.models import Contribution, Event, Fit, Standing

from .confirming import settle_doubts
from .explaining import queue_inquiries
from .moving import queue_builds_by_policy
from .offering import queue_offers
from .stranding import Turns
from .upstreaming import Places

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from contributions.checkout import fitting
    from contributions.models.work import Work

    Judged = tuple[Fit, fitting.Verdict]

log = logging.getLogger(__name__)


def record_all(judged: Sequence[Judged]) -> list[Work]:
    """The verdicts on fits of one component, each contribution counted once; return what they queued.

    All in one transaction. A row that another worker has meanwhile is left to it.
    """
    with transaction.atomic():
        contributions = _locked({row.revision.contribution_id for row, _ in judged})
        rows = Fit.objects.finish_all([(row, _result(verdict)) for row, verdict in judged])
        _warn_of_lost(judged, rows)
        if not rows:
            return []
        queued: list[Work] = [*settle_doubts(rows), *queue_inquiries(rows)]
        for row in rows:
            row.revision.contribution = contributions[row.revision.contribution_id]  # the same one, and as it is now
        _tell(rows)
        public = [row for row in rows if row.is_buildable and not row.revision.contribution.is_draft]
        queued += [*queue_builds_by_policy(public), *queue_offers(rows)]
        Standing.objects.recompute_all({row.revision.contribution_id for row in rows})
    return queued


def _locked(keys: Iterable[int]) -> dict[int, Contribution]:
    held = Contribution.objects.select_for_update(of=("self",), no_key=True).filter(pk__in=keys).order_by("pk")
    return {row.pk: row for row in held}


def _warn_of_lost(judged: Sequence[Judged], rows: Sequence[Fit]) -> None:
    kept = {row.pk for row in rows}
    for row, _ in judged:
        if row.pk not in kept:
            log.warning("Dropped the result of %s: another worker has it.", row)


def _tell(rows: Sequence[Fit]) -> None:
    """Their lines of history, in the order in which they were judged."""
    turns, places = Turns(rows), Places(rows[0].release.component_id)
    lines: list[Event | None] = []
    for row in rows:
        about: dict[str, Any] = {"contribution": row.revision.contribution, "release": row.release}
        lines.append(Event(verb=Event.Verb.FITTED, revision=row.revision, text=row.state, **about))
        lines += [turns.of(row), places.by(row)]
    places.keep()
    Event.objects.write_all([line for line in lines if line])


def _result(verdict: fitting.Verdict) -> dict[str, Any]:
    """Whatever was found about an earlier verdict is forgotten."""
    return {
        "state": str(verdict.kind),
        "tree": verdict.tree,
        "commit": verdict.commit,
        "upstream_commit": verdict.upstream_commit,
        "evidence": str(verdict.evidence),
        "namesake": verdict.upstream_commit if str(verdict.kind) == Fit.State.PROBABLY_UPSTREAM else "",
        "conflicts": list(verdict.files),
        "way": str(verdict.way),
        "commits": [_line(part) for part in verdict.commits],
        "renames": dict(verdict.renames),
        "sentence": verdict.detail,
        "blame": [],
        "clash": None,
    }


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
