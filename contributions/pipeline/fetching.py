"""Pulling upstream: the mirror is brought up to date, and tags and branches that match become releases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Max

from contributions.checkout import mirror
from contributions.errors import Missing, Refusal, Trouble
from contributions.models import Component, Event, Release, UpstreamFetch

from .leasing import leased
from .places import fetch_mirror_of, mirror_of
from .queueing import queue_fits_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from contributions.models.work import Work


def fetch(pk: int) -> Sequence[Work]:
    """Pull if that waits; return the fits that new or moved releases queued."""
    row: UpstreamFetch | None = UpstreamFetch.objects.claim(pk)
    if row is None:
        return []
    queued: list[Work] = []
    with leased(row):
        try:
            path = fetch_mirror_of(row.component)
            found = mirror.releases_in(path, row.component.release_pattern)
            with transaction.atomic():
                queued = _record(row, found)
        except Refusal as refusal:
            row.finish(UpstreamFetch.State.REFUSED, sentence=refusal.sentence)
        except Trouble as trouble:
            row.put_back(trouble.sentence)
    return queued


def _record(row: UpstreamFetch, found: Sequence[mirror.Found]) -> list[Work]:
    component = Component.objects.select_for_update().get(pk=row.component_id)
    known = {release.name: release for release in component.releases.all()}
    last = component.releases.aggregate(last=Max("position"))["last"] or 0
    queued: list[Work] = []
    moved: list[str] = []
    new = 0
    for seen in found:
        release = known.get(seen.name)
        if release is None:
            new += 1
            release = _make(component, seen, last + new)
            queued += queue_fits_of(release)
        elif release.commit != seen.commit and release.kind == Release.Kind.BRANCH:
            Release.objects.filter(pk=release.pk).update(commit=seen.commit, released_at=seen.committed_at)
            release.refresh_from_db()
            queued += queue_fits_of(release)
        elif release.commit != seen.commit:
            moved.append(release.name)
    row.finish(UpstreamFetch.State.DONE, sentence=f"{len(found)} releases seen, {new} new.{_suspicion(moved)}")
    Event.objects.write(Event.Verb.FETCHED, component=component, text=row.sentence)
    return queued


def _suspicion(moved: Sequence[str]) -> str:
    """A tag is meant to stay where it is; what was built from the old commit would not be what it says."""
    if not moved:
        return ""
    return f" Upstream moved the tag of {', '.join(moved)}: the portal stays with the commit that it had."


def _make(component: Component, seen: mirror.Found, position: int) -> Release:
    release = Release.objects.create(
        component=component,
        name=seen.name,
        slug=Release.slug_of(component, seen.name),
        kind=seen.kind,
        ref=seen.name,
        commit=seen.commit,
        position=position,
        released_at=seen.committed_at,
    )
    Event.objects.write(Event.Verb.RELEASED, component=component, release=release)
    return release


def pin(component: Component, kind: str, ref: str) -> tuple[str, datetime | None]:
    """The commit that a tag or branch names in the mirror, and when it was made. Raises Missing."""
    for seen in mirror.releases_in(mirror_of(component), ".*"):
        if seen.kind == kind and seen.name == ref:
            return seen.commit, seen.committed_at
    raise Missing(f"{component.name} has no {kind} {ref} in the portal's mirror; fetch upstream first.", field="ref")
