"""Builds on a branch that moves: one a day of each contribution, however often the branch does."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from contributions.models import Build, Fit, Pick, Release
from contributions.models.writing import save_together

from .building import queue_build, queue_builds

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

DAILY = timedelta(days=1)
MOST_AT_ONCE = 200


def queue_builds_by_policy(fits: Sequence[Fit]) -> list[Build]:
    """Builds of fits that were judged; on a branch that was built within the last day one is put off until then."""
    pinned = _only_pinned(fits)
    wanted = [fit for fit in fits if fit.revision_id not in pinned]
    due = _due_at(wanted)
    moved = [fit for fit in wanted if fit.builds_at != due.get(fit.pk)]
    for fit in moved:
        fit.builds_at = due.get(fit.pk)
    save_together(moved, ["builds_at"])
    return queue_builds(fit for fit in wanted if fit.pk not in due)


def _only_pinned(fits: Sequence[Fit]) -> set[int]:
    """The revisions that are judged for a stack that pins them, and are what nobody else would take any more."""
    past = {fit.revision for fit in fits if fit.revision.contribution.current_id != fit.revision_id}
    picks = Pick.objects.filter(revision__in=[revision for revision in past if not revision.is_port])
    return set(picks.order_by().values_list("revision", flat=True))


def _due_at(fits: Sequence[Fit]) -> dict[int, datetime]:
    """Of those that are put off, until when."""
    moving = [fit for fit in fits if fit.release.kind == Release.Kind.BRANCH]
    revisions, releases = ({getattr(fit, name) for fit in moving} for name in ("revision_id", "release_id"))
    built = Build.objects.originals().filter(release__in=releases, revision__in=revisions)
    newest = built.order_by("release_id", "revision_id", "-pk").distinct("release_id", "revision_id")
    last = {(release, revision): at for release, revision, at in newest.values_list("release", "revision", "queued_at")}
    due = {fit.pk: last[_pair(fit)] + DAILY for fit in moving if _pair(fit) in last}
    return {pk: at for pk, at in due.items() if at > timezone.now()}


def _pair(fit: Fit) -> tuple[int, int]:
    return fit.release_id, fit.revision_id


def queue_due_builds() -> list[Build]:
    """The builds that were put off and are due: of what still applies, the most used first."""
    with transaction.atomic():
        rows = Fit.objects.filter(builds_at__lte=Now()).select_for_update(of=("self",), skip_locked=True)
        used = ("-revision__contribution__running_count", "-revision__contribution__activity", "pk")
        due = list(rows.select_related("release", "revision__contribution").order_by(*used)[:MOST_AT_ONCE])
        Fit.objects.filter(pk__in=[fit.pk for fit in due]).update(builds_at=None)
        builds = [queue_build(fit) for fit in due if _is_wanted(fit)]
    return [build for build in builds if build is not None]


def _is_wanted(fit: Fit) -> bool:
    contribution = fit.revision.contribution
    is_current = contribution.current_id == fit.revision_id or fit.revision.ports_id is not None
    is_open = not contribution.is_withdrawn and not contribution.is_draft
    return fit.is_buildable and fit.release.is_supported and is_current and is_open
