"""How far each component's upstream is watched: when it was pulled last, what came of it, and when it is due again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import Count, Exists, IntegerField, OuterRef, Subquery
from django.db.models.functions import Coalesce

from .component import Component, UpstreamFetch
from .work import QUEUED, RUNNING

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST_PAUSE = timedelta(days=1)  # between the pulls of an upstream that does not answer
MOST_DOUBLINGS = 8
LATER = 0.1  # of the pause, at most: so that what was added together is not pulled together for ever
STRIDE = 0.618034  # of the golden ratio: its multiples lie evenly spread


@dataclass(frozen=True)
class Watch:
    """One component: its newest pull that ended, if there was one, and how many failed since one went well."""

    component: Component
    fetch: UpstreamFetch | None
    failures: int
    is_busy: bool

    @property
    def due_at(self) -> datetime | None:
        """When the clock pulls it; None while it is pulled, before the first pull, and where only people pull."""
        if self.fetch is None or self.fetch.finished_at is None or self.is_busy or not self.component.watch_minutes:
            return None
        usual = timedelta(minutes=self.component.watch_minutes)
        pause = usual * 2 ** min(self.failures, MOST_DOUBLINGS)
        pause = max(usual, min(pause, LONGEST_PAUSE))
        finished: datetime = self.fetch.finished_at
        late: timedelta = pause * (LATER * (self.component.pk * STRIDE % 1))
        due: datetime = finished + pause + late
        return due


def watched(components: Sequence[int] | None = None) -> list[Watch]:
    """Of all components, or of these, by two queries."""
    ended = UpstreamFetch.objects.filter(component=OuterRef("pk")).exclude(state__in=[QUEUED, RUNNING])
    last_good = ended.filter(state=UpstreamFetch.State.DONE).order_by("-pk").values("pk")[:1]
    failed = ended.filter(pk__gt=Coalesce(OuterRef("last_good"), 0)).order_by().values("component")
    rows = Component.objects.annotate(
        last=Subquery(ended.order_by("-pk").values("pk")[:1]),
        last_good=Subquery(last_good),
        failures=Coalesce(Subquery(failed.annotate(n=Count("pk")).values("n"), output_field=IntegerField()), 0),
        is_busy=Exists(UpstreamFetch.objects.filter(component=OuterRef("pk"), state__in=[QUEUED, RUNNING])),
    )
    if components is not None:
        rows = rows.filter(pk__in=components)
    found = list(rows.order_by("slug"))
    fetches = UpstreamFetch.objects.in_bulk([row.last for row in found if row.last])
    return [Watch(row, fetches.get(row.last), row.failures, row.is_busy) for row in found]
