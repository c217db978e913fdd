"""Pulling upstream: the mirror is brought up to date, and tags and branches that match become releases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models.functions import Now

from contributions.checkout import mirror
from contributions.errors import Missing, Refusal, Trouble
from contributions.models import Component, Event, UpstreamFetch
from contributions.models.work import RUNNING

from . import foreseeing
from .finding_releases import take_over
from .leasing import leased
from .places import fetch_mirror_of, mirror_of
from .sparing import Spread, spread

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from contributions.models.work import Work


RUNG = 200  # of all that a pull queued; the sweep rings for the rest


def fetch(pk: int) -> Sequence[Work]:
    """Pull if that waits; return what new or moved releases queued. Of a component one pull runs at a time."""
    if _is_pulled_already(pk):
        return []
    row: UpstreamFetch | None = UpstreamFetch.objects.claim(pk)
    if row is None:
        return []
    done = Spread()
    with leased(row) as lease:
        try:
            path = fetch_mirror_of(row.component)
            names = mirror.names_in(path)
            foreseeing.keep(row.component_id, names)
            with transaction.atomic():
                taken = take_over(row.component_id, names, path)
            done = spread(row.component, path, lease.is_held)
            _finish(row, f"{taken.sentence}{done.sentence}")
            done.queued[:0] = taken.queued
        except Refusal as refusal:
            row.finish(UpstreamFetch.State.REFUSED, sentence=refusal.sentence)
        except Trouble as trouble:
            row.put_back(trouble.sentence)
    return done.queued[:RUNG]


def _is_pulled_already(pk: int) -> bool:
    waiting = UpstreamFetch.objects.filter(pk=pk).values("component")
    others = UpstreamFetch.objects.filter(component__in=waiting, state=RUNNING, lease_until__gt=Now())
    return others.exclude(pk=pk).exists()


def _finish(row: UpstreamFetch, sentence: str) -> None:
    """What the pull before said as well is no news for the history."""
    before = UpstreamFetch.objects.filter(component=row.component_id, state=UpstreamFetch.State.DONE, pk__lt=row.pk)
    said = before.order_by("-pk").values_list("sentence", flat=True).first()
    with transaction.atomic():
        row.finish(UpstreamFetch.State.DONE, sentence=sentence)
        if sentence != said:
            Event.objects.write(Event.Verb.FETCHED, component=row.component, text=sentence)


def pin(component: Component, kind: str, ref: str) -> tuple[str, datetime | None]:
    """The commit that a tag or branch names in the mirror, and when it was made. Raises Missing."""
    for seen in mirror.names_in(mirror_of(component)):
        if seen.kind == kind and seen.name == ref:
            return seen.commit, seen.committed_at
    raise Missing(f"{component.name} has no {kind} {ref} in the portal's mirror; fetch upstream first.", field="ref")
