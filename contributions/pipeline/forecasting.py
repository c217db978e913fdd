"""Forecasts made each night: what the newest release and the candidates will cost every stack and organisation.

They are made hourly where there is none of this night yet, or where something was still being judged, so that people
hear of a candidate soon, and once. Nothing is told while anything waits to be judged.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from contributions.models import Component, Contribution, Event, Forecast, Organisation, Release, Revision, Stack
from contributions.models.contribution import visible_to_all
from contributions.models.forecasting import forecast_of_organisation, forecast_of_stack, words_of
from contributions.models.holdings import organisations_that_carry

from .queueing import pinned_by_stacks, queue_fits_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from contributions.models.forecasting import Prospect
    from contributions.models.work import Work

log = logging.getLogger(__name__)

NIGHT = 3  # o'clock, UTC: what was made before the last one is of another night
MOST_CANDIDATES = 3  # of a component, the newest


def forecast_all(now: datetime | None = None) -> list[Work]:
    """Make what is due; return the fits that were queued because a stack pins a revision that nobody judged there."""
    night = _last_night(now or timezone.now())
    queued: list[Work] = []
    for component in Component.objects.order_by("pk"):
        for release in targets(component):
            queued += queue_fits_of(release, _pinned(release))
            for stack, organisation in _due(release, night):
                try:
                    forecast(release, stack=stack, organisation=organisation)
                except Exception:  # one that cannot be made must not hold up the rest
                    log.exception("No forecast of %s for %s.", stack or organisation, release)
    return queued


def _last_night(now: datetime) -> datetime:
    hour = now.astimezone(UTC).replace(hour=NIGHT, minute=0, second=0, microsecond=0)
    return hour if hour <= now else hour - timedelta(days=1)


def targets(component: Component) -> list[Release]:
    """The newest release, and the candidates that are newer."""
    supported = list(Release.objects.supported().filter(component=component).newest_first())
    newest = next((index for index, release in enumerate(supported) if not release.is_candidate), len(supported))
    return [*supported[: min(newest, MOST_CANDIDATES)], *supported[newest : newest + 1]]


def _pinned(release: Release) -> Sequence[int]:
    """The keys of the revisions that stacks pin and that the release has not met."""
    unmet = Revision.objects.filter(pinned_by_stacks(release)).exclude(fits__release=release)
    return list(unmet.order_by("pk").values_list("pk", flat=True))


def _due(release: Release, night: datetime) -> Iterator[tuple[Stack | None, Organisation | None]]:
    """Each stack and each organisation that has none of this night, or none that was told."""
    fresh = Forecast.objects.filter(release=release, release_commit=release.commit, made_at__gte=night)
    done = fresh.exclude(told={}, is_judged=False)
    stacks = Stack.objects.filter(component=release.component_id, archived_at=None).exclude(release=release)
    older = stacks.filter(release__position__lt=release.position).exclude(forecasts__in=done)
    for stack in older.order_by("pk").iterator():
        yield stack, None
    carriers = organisations_that_carry(release.component_id).exclude(forecasts__in=done)
    for organisation in carriers.order_by("pk").iterator():
        yield None, organisation


def forecast(release: Release, *, stack: Stack | None = None, organisation: Organisation | None = None) -> None:
    """Make one anew, and write a line of the history if it turns out otherwise than what was told last."""
    seen = Contribution.objects.filter(visible_to_all())
    if stack is not None:
        prospect = forecast_of_stack(stack, release, seen)
    elif organisation is not None:
        prospect = forecast_of_organisation(organisation, release, seen)
    with transaction.atomic():
        kept, _ = Forecast.objects.get_or_create(
            stack=stack, organisation=organisation, release=release, defaults={"release_commit": release.commit}
        )
        row = Forecast.objects.select_for_update().get(pk=kept.pk)
        is_news = prospect.is_judged and bool(prospect.rows) and row.told != prospect.totals
        if is_news and (stack is not None or not _is_told_by_a_stack(organisation, release)):
            _tell(row, prospect)
        Forecast.objects.filter(pk=row.pk).update(
            release_commit=release.commit,
            rows=_rows(prospect),
            totals=prospect.totals,
            is_judged=prospect.is_judged,
            told=prospect.totals if prospect.is_judged else row.told,
            made_at=Now(),
        )


def _rows(prospect: Prospect) -> list[dict[str, object]]:
    return [
        {
            "contribution": row.contribution.pk,
            "revision": row.revision.number,
            "do": row.outlook.do,
            "why": row.outlook.why,
        }
        for row in prospect.rows
    ]


def _is_told_by_a_stack(organisation: Organisation | None, release: Release) -> bool:
    """Whether its people hear of the release by one of its stacks, which is what they asked to hear of."""
    of = Q(organisation=organisation, component=release.component_id, archived_at=None)
    return Stack.objects.filter(of, release__position__lt=release.position).exists()


def _tell(row: Forecast, prospect: Prospect) -> None:
    before = f" (before: {words_of(row.told)})" if row.told else ""
    Event.objects.write(
        Event.Verb.FORECAST,
        component=prospect.release.component,
        release=prospect.release,
        stack=row.stack,
        organisation=row.organisation,
        text=f"{prospect.release.name}: {words_of(prospect.totals)}{before}",
    )
