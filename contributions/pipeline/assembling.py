"""Assembling: a stack's patches are tried with each other and laid onto its release, as one tree that can be built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from contributions.checkout import stacking
from contributions.errors import Clash, Refusal, Trouble
from contributions.models import Assembly, Blob, Contribution, Event, Fit, Revision
from contributions.solving import order_of

from . import locking
from .culprits import queue_stack_build
from .leasing import leased
from .places import mirror_of, mirror_with
from .stack_words import conflict_sentence, entry_of, pair_data, sentence_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from contributions.models.work import Work

LARGE = ("files", "fingerprints", "carries", "text", "html")
NO_BASE = "#{0.contribution_id} {0.label} cannot be laid: the commit that it was made on is not in upstream any more."


def assemble(pk: int) -> Sequence[Work]:
    """Lay the row's stack if it waits for that; return the build that it queued."""
    row: Assembly | None = Assembly.objects.claim(pk)
    if row is None:
        return []
    queued: Sequence[Work] = []
    with leased(row):
        try:
            queued = _record(row, *_laid(row))
        except Refusal as refusal:
            row.finish(Assembly.State.REFUSED, sentence=refusal.sentence)
        except Trouble as trouble:
            row.put_back(trouble.sentence)
    return queued


def _laid(row: Assembly) -> tuple[dict[int, Revision], stacking.Survey, stacking.Stacked, locking.Outcome]:
    _refuse_taken_back(row)
    keys = [one["pk"] for one in row.asked]
    rows = Revision.objects.defer(*LARGE).select_related("contribution__component", "bundle").in_bulk(keys)
    revisions: dict[int, Revision] = {one["contribution"]: rows[one["pk"]] for one in row.asked}
    mirror = mirror_of(row.stack.component)
    parts = _parts(row, revisions)
    survey = stacking.look(mirror, row.release_commit, parts)
    needs = {one["contribution"]: frozenset(one["needs"]) for one in row.asked}
    order = order_of([part.number for part in parts], needs, survey.hints)
    stacked = stacking.lay(mirror, survey, order, keep=f"refs/stacks/{row.pk}")
    return revisions, survey, stacked, locking.outcome_of(mirror, row.release_commit, stacked.commit)


def _refuse_taken_back(row: Assembly) -> None:
    """What was fine when it was asked for may have been taken back since."""
    gone = Contribution.objects.filter(pk__in=[one["contribution"] for one in row.asked])
    for contribution in gone.order_by("pk"):
        if contribution.is_withdrawn or contribution.is_quarantined:
            word = "withdrawn" if contribution.is_withdrawn else "in quarantine"
            raise Clash(f"#{contribution.pk} is {word}: take it out of the stack.")


def _parts(row: Assembly, revisions: Mapping[int, Revision]) -> list[stacking.Part]:
    """The mirror holds each of them then; what a fit told about this very commit is not asked again."""
    known = Fit.objects.filter(revision__in=[one.pk for one in revisions.values()], release_commit=row.release_commit)
    taken = set(known.filter(state=Fit.State.UPSTREAM).values_list("revision_id", flat=True))
    return [_part(number, revision, revision.pk in taken) for number, revision in revisions.items()]


def _part(number: int, revision: Revision, is_taken: bool) -> stacking.Part:  # noqa: FBT001 - one of a row of facts
    try:
        mirror_with(revision)
    except Trouble as trouble:
        raise Clash(NO_BASE.format(revision)) from trouble
    commits = tuple(commit["sha"] for commit in revision.commits)
    return stacking.Part(number, revision.base_commit, revision.tip_commit, commits, is_taken)


def _record(
    row: Assembly,
    revisions: Mapping[int, Revision],
    survey: stacking.Survey,
    stacked: stacking.Stacked,
    outcome: locking.Outcome,
) -> Sequence[Work]:
    order = [entry_of(each, revisions, row, survey) for each in stacked.laid]
    state = Assembly.State.READY if stacked.is_whole else Assembly.State.CONFLICTS
    with transaction.atomic():
        row.finish(
            state,
            order=order,
            pairs=[pair_data(pair) for pair in survey.pairs],
            height=sum(each.state == stacking.State.APPLIED for each in stacked.laid) if stacked.is_whole else 0,
            tree=stacked.tree,
            commit=stacked.commit,
            bundle=Blob.objects.keep_bytes(outcome.bundle) if outcome.bundle else None,
            sentence=sentence_of(row, order) if stacked.is_whole else conflict_sentence(order),
        )
        if row.is_ready:
            locking.lock(row, outcome)
        Event.objects.write(
            Event.Verb.LOCKED,
            stack=row.stack,
            component=row.stack.component,
            release=row.release,
            text=f"{row.number}: {row.state}",
        )
        build = queue_stack_build(row, row.height) if row.is_to_build and row.is_ready and row.height else None
    return [build] if build else []
