"""What a person said of a commit of upstream, carried to every release that holds it, now and later."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from django.db import transaction

from contributions.checkout.holding import holds
from contributions.errors import Refusal, Trouble
from contributions.models import Contribution, Fit, Release, Sighting, Standing
from contributions.models.fit import VERDICTS

from .leasing import leased
from .places import mirror_of
from .stranding import tell_of_turn

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from contributions.models import Revision

State = Fit.State
ASKED = "please compare them."  # how the ladder ends its question, which is answered then
PROBABLE = {"evidence": Fit.Evidence.SUBJECT}


def settle_doubts(fits: Sequence[Fit]) -> list[Sighting]:
    """Part of recording verdicts: what was said of their commits holds. Other commits are looked for by a worker.

    The contributions' rows are locked by whoever calls.
    """
    said: dict[int, dict[str, Sighting]] = defaultdict(dict)
    for row in Sighting.objects.filter(contribution__in={fit.revision.contribution_id for fit in fits}):
        said[row.contribution_id][row.commit] = row
    return [row for fit in fits for row in _settled(fit, said.get(fit.revision.contribution_id, {}))]


def _settled(fit: Fit, said: Mapping[str, Sighting]) -> list[Sighting]:
    if fit.state == State.PROBABLY_UPSTREAM and fit.namesake in said:
        answer(fit, is_same=said[fit.namesake].is_same)
    if fit.state == State.UPSTREAM:
        return []
    return [queue_again(row) for row in said.values() if row.is_same]


def queue_again(sighting: Sighting) -> Sighting:
    """Have the worker look once more which releases hold the commit; one that looks already begins anew."""
    again = Sighting.objects.filter(pk=sighting.pk)
    again.update(state=Sighting.State.QUEUED, attempts=0, lease=None, lease_until=None, rung_at=None, finished_at=None)
    sighting.refresh_from_db()
    return sighting


def answer(fit: Fit, *, is_same: bool | None) -> Fit:
    """Let the fit be what was said of the commit that it asks about; None asks again."""
    commit, sentence = fit.asked_about, _without_question(fit.sentence)
    values: dict[str, Any] = {"namesake": commit, "sentence": sentence, "evidence": "", "upstream_commit": ""}
    if is_same is None:
        return _moved(fit, State.PROBABLY_UPSTREAM, **values | PROBABLE | {"upstream_commit": commit})
    if is_same:
        return _moved(fit, State.UPSTREAM, **values | {"evidence": Fit.Evidence.CONFIRMED, "upstream_commit": commit})
    return _moved(fit, State.CONFLICTS, **values)


def judge_again(contribution: Contribution, commit: str) -> list[Fit]:
    """Queue the fits that only the word about this commit had decided: it does not hold any more."""
    rows = Fit.objects.filter(revision__contribution=contribution, state=State.UPSTREAM, namesake="")
    decided = rows.filter(upstream_commit=commit, evidence=Fit.Evidence.CONFIRMED)
    return [fit.move(State.QUEUED, attempts=0, sentence="", rung_at=None) for fit in decided]


def _moved(fit: Fit, to: str, **values: Any) -> Fit:
    if fit.state == to:
        return fit
    fit.move(to, **values)
    tell_of_turn(fit)
    return fit


def _without_question(sentence: str) -> str:
    return sentence.partition(ASKED)[2].strip() if ASKED in sentence else sentence


def spread(pk: int) -> None:
    """Find the releases that hold a confirmed commit, if that waits to be done; they have the contribution."""
    row: Sighting | None = Sighting.objects.claim(pk)
    if row is None:
        return
    with leased(row):
        try:
            _record(row, _holding(row))
        except (Refusal, Trouble) as problem:
            row.put_back(problem.sentence)


def _holding(row: Sighting) -> list[tuple[int, str]]:
    """Keys of releases and their commits as they are now."""
    if not row.is_same:
        return []
    repository = mirror_of(row.contribution.component)
    supported = Release.objects.supported().filter(component=row.contribution.component_id)
    known: dict[str, bool] = {}
    found = []
    for pk, commit in supported.values_list("pk", "commit"):
        if commit not in known:
            known[commit] = holds(repository, row.commit, commit)
        if known[commit]:
            found.append((pk, commit))
    return found


def _record(row: Sighting, held: Iterable[tuple[int, str]]) -> None:
    with transaction.atomic():
        contribution = Contribution.objects.select_for_update(of=("self",)).get(pk=row.contribution_id)
        row.finish(Sighting.State.DONE, sentence="")
        if [_found(fit, row.commit) for fit in fits_to_tell(contribution.current, held)]:
            Standing.objects.recompute(contribution)


def fits_to_tell(revision: Revision | None, held: Iterable[tuple[int, str]]) -> list[Fit]:
    """The fits of a revision on these releases that have a verdict on that commit, which is another one yet."""
    commits = dict(held)
    rows = Fit.objects.filter(revision=revision, release__in=commits, state__in=VERDICTS - {State.UPSTREAM})
    return [fit for fit in rows if commits[fit.release_id] == fit.release_commit]


def _found(fit: Fit, commit: str) -> Fit:
    evidence = Fit.Evidence.CONFIRMED
    sentence = _without_question(fit.sentence)
    return _moved(fit, State.UPSTREAM, upstream_commit=commit, evidence=evidence, sentence=sentence)
