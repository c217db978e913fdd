"""Queueing fits: a row for each revision and release that must meet, by as many statements for one as for many."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q

from contributions.models import Contribution, Fit, Pick, Release, Revision

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from django.db.models import QuerySet

STILL_JUDGED = (Contribution.State.OPEN, Contribution.State.CHANGES_REQUESTED, Contribution.State.APPROVED)
WITH_PATCH = (Contribution.Kind.REFINEMENT, Contribution.Kind.IMPROVEMENT)
AT_ONCE = 1000  # rows that one statement makes
RUNG = 200  # of many fits, those that a doorbell is rung for at once: who judges one takes its neighbours along


def queue_fits_for(revision: Revision) -> Sequence[Fit]:
    """One fit for each supported release of the component, the newest first; of a port, for its own alone."""
    releases = Release.objects.supported().filter(component=revision.contribution.component_id).newest_first()
    if revision.is_port:
        releases = releases.filter(pk__in=[revision.release_id])
    _make(((revision.pk, release) for release in releases), {})
    return Fit.objects.queue_on(revision.pk, releases)


def queue_fits_of(release: Release, revisions: Sequence[int] | None = None) -> Sequence[Fit]:
    """One fit of each revision for a release that is new or has moved; of all that are still of interest unless given.

    A verdict on the commit that the release pins now stays. What is most used comes first.
    """
    keys = list(judged_on(release).values_list("pk", flat=True)) if revisions is None else revisions
    _make(((pk, release) for pk in keys), Fit.objects.verdicts_before(release, keys))
    return Fit.objects.queue_again(keys, release, RUNG)


def judged_on(release: Release) -> QuerySet[Revision]:
    """The revisions that meet it, the most used first: current ones still of interest, ports to it, what stacks pin."""
    judged = Contribution.objects.filter(
        component=release.component_id, state__in=STILL_JUDGED, kind__in=WITH_PATCH, current__isnull=False
    )
    ports = Q(ports__isnull=False, withdrawn_at=None, release=release, state=Revision.State.RECEIVED)
    ports &= Q(contribution__in=judged)
    found = Revision.objects.filter(Q(pk__in=judged.values("current")) | ports | pinned_by_stacks(release))
    return found.order_by("-contribution__running_count", "-contribution__activity", "pk")


def pinned_by_stacks(release: Release) -> Q:
    """The condition that a stack in use pins it, so that its people know what becomes of it; no port to another one."""
    picks = Pick.objects.filter(stack__component=release.component_id, stack__archived_at=None, revision__isnull=False)
    return Q(pk__in=picks.order_by().values("revision")) & (Q(ports=None) | Q(release=release))


def _make(pairs: Iterable[tuple[int, Release]], before: Mapping[int, str]) -> None:
    rows = [
        Fit(revision_id=pk, release=release, release_commit=release.commit, before=before.get(pk, ""))
        for pk, release in pairs
    ]
    Fit.objects.bulk_create(rows, batch_size=AT_ONCE, ignore_conflicts=True)
