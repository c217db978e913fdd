"""Building: check out, run the recipe in the sandbox, keep the log and the artifacts, record one verdict."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Max

from contributions import sandbox
from contributions.errors import Refusal, Trouble
from contributions.failures import failed_tests
from contributions.inspection.reports import HEAD, sniffed
from contributions.models import Artifact, Blob, Build, Event, LogPiece, Recipe, Standing

from . import proving
from .areas import work_area
from .attesting import queue_attestation
from .confining import executor, facts_of
from .culprits import follow, follow_bare
from .leasing import Lease, leased
from .places import mirror_of, mirror_with, mirror_with_stack
from .preparing import prepared_for
from .publishing import publish
from .recipes import environment_of, image_of, limits_of, toolchain_of
from .repeating import likeness_of, tell_of, tell_of_matches, waiting_repetitions
from .settling import settle
from .unpacking import tree_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from contributions.models import Fit
    from contributions.models.work import Work

log = logging.getLogger(__name__)

PIECE_BYTES = 1 << 15
PIECE_SECONDS = 0.5
VERDICTS = {
    sandbox.Verdict.PASSED: Build.State.PASSED,
    sandbox.Verdict.FAILED: Build.State.FAILED,
    sandbox.Verdict.TIMED_OUT: Build.State.TIMED_OUT,
}


def queue_build(fit: Fit) -> Build | None:
    """One build of a fit's commit by the component's recipe; None when there is no recipe."""
    return next(iter(queue_builds([fit])), None)


def queue_builds(fits: Iterable[Fit]) -> list[Build]:
    """One build of each fit's commit, all on releases of one component; none when it has no recipe."""
    wanted = list(fits)
    recipe = Recipe.objects.filter(component=wanted[0].release.component_id).first() if wanted else None
    if recipe is None:
        return []
    of_these = Build.objects.originals().filter(
        revision__in=[fit.revision_id for fit in wanted], release__in=[fit.release_id for fit in wanted]
    )
    pairs = of_these.order_by().values_list("revision", "release").annotate(last=Max("serial"))
    last = {(revision, release): serial for revision, release, serial in pairs}
    recipe_then = {"recipe": recipe.as_data(), "recipe_digest": recipe.digest}
    return Build.objects.bulk_create(
        Build(
            revision_id=fit.revision_id,
            release=fit.release,
            serial=last.get((fit.revision_id, fit.release_id), 0) + 1,
            commit=fit.commit,
            upstream_commit=fit.release_commit,
            **recipe_then,
        )
        for fit in wanted
    )


def queue_bare_build(build: Build) -> Build | None:
    """The same recipe on the release without the patch, so that a failure can be told apart; None when it was asked."""
    commit = build.upstream_commit or build.release.commit
    bare, made = Build.objects.get_or_create(
        revision=None,
        assembly=None,
        release=build.release,
        commit=commit,
        recipe_digest=build.recipe_digest,
        defaults={"recipe": build.recipe, "upstream_commit": commit},
    )
    return bare if made else None


def build(pk: int) -> Sequence[Work]:
    """Build the row if it waits for that; return what it queued (the bare release, after a failure).

    Where the sandbox does not keep its promises the row goes on waiting, for another host or for better days.
    """
    if reason := proving.refusal():
        log.error("Build %s waits. %s", pk, reason)
        return []
    row: Build | None = Build.objects.claim(pk)
    if row is None:
        return []
    queued: Sequence[Work] = []
    with leased(row) as lease, work_area() as place:
        try:
            outcome, facts = _run(row, lease, place)
            likeness = likeness_of(row, outcome, place, lease.is_held)
            queued = _record(row, outcome, facts | likeness)
        except (Trouble, Refusal) as trouble:
            log.warning("%s errored: %s", row, trouble.sentence)
            row.put_back(trouble.sentence)
    return queued


class _Log:
    """Writes the log to the database as it comes, in pieces that a page can poll: few rows, never long behind."""

    def __init__(self, row: Build) -> None:
        self.row = row
        self.offset = 0
        self._waiting = b""
        self._flushed_at = time.monotonic()
        LogPiece.objects.filter(build=row).exclude(attempt=row.attempts).delete()

    def write(self, text: bytes) -> None:
        self._waiting += text
        if len(self._waiting) >= PIECE_BYTES or time.monotonic() - self._flushed_at >= PIECE_SECONDS:
            self.flush()

    def flush(self) -> None:
        if self._waiting:
            self.row.write_log(self.offset, self._waiting)
            self.offset += len(self._waiting)
            self._waiting = b""
        self._flushed_at = time.monotonic()


def _run(row: Build, lease: Lease, place: Path) -> tuple[sandbox.Outcome, dict[str, Any]]:
    """What became of it, and what is on record about the jail it ran in."""
    mirror = _mirror_for(row)
    written = _Log(row)

    def keep_going() -> bool:
        written.flush()
        return lease.is_held()

    with (
        prepared_for(row, mirror, on_output=written.write, keep_going=keep_going) as prepared,
        tree_of(row, mirror, place / "source.git", keep_going) as (base, added),
    ):
        job = _job(row, base, added, prepared.tree)
        facts = facts_of(job, row.recipe) | {"prepared_digest": prepared.digest}
        outcome = executor().run(job, on_output=written.write, keep_going=keep_going, artifacts_to=place)
    written.flush()
    return outcome, facts


def _mirror_for(row: Build) -> Path:
    if row.assembly is not None:
        return mirror_with_stack(row.assembly)
    return mirror_with(row.revision) if row.revision else mirror_of(row.release.component)


def _job(row: Build, base: Path, added: Path | None, prepared: Path | None) -> sandbox.Job:
    recipe = row.recipe
    return sandbox.Job(
        steps=tuple(sandbox.Step(name, recipe[name]) for name in ("build", "test") if recipe[name].strip()),
        sources=added,
        base=base,
        commit=row.commit,
        toolchain=toolchain_of(recipe),
        prepared=prepared,
        image=image_of(recipe),
        environment=environment_of(row),
        artifact_patterns=tuple(recipe["artifact_patterns"]),
        limits=limits_of(recipe),
        variation=sandbox.USUAL if row.repeats_id is None else sandbox.ELSEWHERE,
    )


def _record(row: Build, outcome: sandbox.Outcome, facts: dict[str, Any]) -> Sequence[Work]:
    """One final state per build. An errored or stopped run is ours: it is tried again."""
    if outcome.verdict not in VERDICTS:
        raise Trouble(outcome.sentence or "The sandbox ended without a verdict.")
    kept = [(artifact.name, *_keep(artifact.path)) for artifact in outcome.artifacts]
    log_text = b"".join(row.pieces())
    whole = Blob.objects.keep_bytes(log_text)
    tests = [] if outcome.verdict == sandbox.Verdict.PASSED else failed_tests(log_text)
    with transaction.atomic():
        row.finish(
            VERDICTS[outcome.verdict],
            failed_step=outcome.step,
            failed_test=tests[0] if tests else "",
            failed_tests=tests,
            exit_code=outcome.exit_code,
            limit=outcome.limit.words if outcome.limit else "",
            refused=[[file.name, file.reason] for file in outcome.refused],
            sentence=outcome.sentence,
            log=whole,
            **facts,
        )
        Artifact.objects.bulk_create(
            Artifact(build=row, name=name, blob=blob, media_type=kind) for name, blob, kind in kept
        )
        LogPiece.objects.filter(build=row).delete()
        return [*_tell(row), *queue_attestation(row)]


def _keep(path: Path) -> tuple[Blob, str]:
    """The file's row, and what its bytes are."""
    with path.open("rb") as content:
        kind = sniffed(content.read(HEAD))
        content.seek(0)
        return Blob.objects.keep_file(content), kind


def _tell(row: Build) -> Sequence[Work]:
    """Write the history, count the evidence; queue the bare build when a patched one failed."""
    if row.repeats_id is not None:
        tell_of(row)
        return []
    if row.assembly_id is not None:
        return follow(row)
    if row.revision is None:
        _recount_failures_on(row)
        return follow_bare(row)
    contribution = row.revision.contribution
    Event.objects.write(
        Event.Verb.BUILT,
        contribution=contribution,
        revision=row.revision,
        release=row.release,
        build=row,
        text=row.state,
    )
    tell_of_matches(row)
    bare = None if row.has_passed else queue_bare_build(row)
    Standing.objects.recompute(contribution)
    settle(contribution)
    publish(contribution.pk)
    return [*([bare] if bare else []), *waiting_repetitions(contribution.pk)]


def _recount_failures_on(bare: Build) -> None:
    """What the bare release does decides whether failures on it count against the patches."""
    red = (
        Build.objects.originals().filter(release=bare.release, recipe_digest=bare.recipe_digest).exclude(revision=None)
    )
    failed = red.filter(state__in=[Build.State.FAILED, Build.State.TIMED_OUT]).select_related("revision__contribution")
    for contribution in {build.revision.contribution for build in failed if build.revision}:
        Standing.objects.recompute(contribution)
