"""Building again to compare: the same commit and recipe elsewhere, in another time zone and another tongue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from contributions.errors import Trouble
from contributions.models import Blob, Build, Event, Revision

from .comparing import difference_between

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from contributions import sandbox

WORDS: dict[str, str] = {
    Build.Likeness.SAME: "the same bytes again",
    Build.Likeness.DIFFERENT: "other bytes than the first time",
}
WAITING = (Build.State.QUEUED, Build.State.RUNNING)


def queue_repetition(build: Build) -> Build | None:
    """One repetition of a passed build; None while another waits or runs."""
    with transaction.atomic():
        Build.objects.select_for_update(of=("self",)).get(pk=build.pk)
        before = Build.objects.filter(repeats=build)
        if before.filter(state__in=WAITING).exists():
            return None
        return Build.objects.create(
            revision_id=build.revision_id,
            release_id=build.release_id,
            serial=before.count() + 1,
            commit=build.commit,
            upstream_commit=build.upstream_commit,
            recipe=build.recipe,
            recipe_digest=build.recipe_digest,
            repeats=build,
        )


def waiting_repetitions(contribution: int) -> list[Build]:
    """Those of the contribution that nobody was told of yet."""
    queued = Build.objects.filter(revision__contribution=contribution, state=Build.State.QUEUED, rung_at=None)
    return list(queued.exclude(repeats=None))


def likeness_of(row: Build, outcome: sandbox.Outcome, place: Path, keep_going: Callable[[], bool]) -> dict[str, Any]:
    """The columns that tell how a repetition's artifacts compare with the first build's; none for any other build."""
    if row.repeats is None or not outcome.artifacts:
        return {}
    first = {artifact.name: artifact.blob for artifact in row.repeats.artifacts.select_related("blob")}
    if {name: blob.sha256 for name, blob in first.items()} == {made.name: made.sha256 for made in outcome.artifacts}:
        return {"likeness": Build.Likeness.SAME}
    try:
        report = difference_between(first, outcome.artifacts, place, keep_going)
    except Trouble as trouble:
        report = f"The bytes differ; what differs could not be found out: {trouble.sentence}\n".encode()
    return {"likeness": Build.Likeness.DIFFERENT, "difference": Blob.objects.keep_bytes(report)}


def tell_of(row: Build) -> None:
    """Write the history of a repetition; it is no evidence of its own and publishes nothing."""
    Event.objects.write(
        Event.Verb.REPRODUCED,
        contribution=row.revision.contribution if row.revision else None,
        revision=row.revision,
        release=row.release,
        build=row,
        text=WORDS.get(row.likeness, f"the second build {row.get_state_display()}"),
    )


def tell_of_matches(row: Build) -> None:
    """Write into the history of each upload that says it was built from this revision, and is this build."""
    made = row.artifacts.values("blob")
    claiming = Revision.objects.filter(claims=row.revision_id, release=row.release_id, artifacts__blob__in=made)
    for upload in claiming.select_related("contribution").distinct() if row.has_passed and row.revision_id else ():
        about = {"contribution": upload.contribution, "revision": upload, "release": row.release}
        text = f"it matches build {row.pk} byte for byte"
        Event.objects.write(Event.Verb.REPRODUCED, **about, build=row, text=text)
