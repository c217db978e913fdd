"""Builds on a branch that moves: one a day of each contribution, however often the branch does."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from contributions.models import Build, Fit, Pick, Release

from .building import queue_build

if TYPE_CHECKING:
    from datetime import datetime

DAILY = timedelta(days=1)
MOST_AT_ONCE = 200


def queue_build_by_policy(fit: Fit) -> Build | None:
    """The build of a fit that was judged; on a branch that was built within the last day it is put off until then."""
    if _is_only_pinned(fit):
        return None
    due = _due_at(fit)
    Fit.objects.filter(pk=fit.pk).update(builds_at=due)
    return queue_build(fit) if due is None else None


def _is_only_pinned(fit: Fit) -> bool:
    """Whether it is judged for a stack that pins it, and is what nobody else would take any more."""
    is_past = fit.revision.contribution.current_id != fit.revision_id and not fit.revision.is_port
    return is_past and Pick.objects.filter(revision=fit.revision_id).exists()


def _due_at(fit: Fit) -> datetime | None:
    if fit.release.kind != Release.Kind.BRANCH:
        return None
    built = Build.objects.originals().filter(release=fit.release_id, revision=fit.revision_id)
    last = built.order_by("-pk").values_list("queued_at", flat=True).first()
    return last + DAILY if last is not None and last + DAILY > timezone.now() else None


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
