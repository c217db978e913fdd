"""Making a draft public: by its author, or by itself when there is nothing alike that its author should see first."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import connection, transaction
from django.db.models.functions import Now

from contributions.errors import Clash
from contributions.models import Contribution, Event, Fit, Standing, Telling
from contributions.models.overlapping import overlaps_of
from contributions.models.work import QUEUED, RUNNING

from .building import queue_build
from .settling import settle

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from contributions.models import Build, Person

PATIENCE = timedelta(minutes=10)  # how long it waits, once received, for all releases to say whether they have it
UNVEIL_LOCK = 0x76656C  # "vel": any number that nothing else in this database locks together with a component
WITHDRAWN = Contribution.State.WITHDRAWN


def wait_for_fits(contribution: Contribution) -> None:
    """From now on the releases have their time to say whether they have it; its author may have decided already."""
    waiting = Contribution.objects.filter(pk=contribution.pk, is_draft=True).exclude(shares_at=None)
    waiting.update(shares_at=Now() + PATIENCE)


def unveil(contribution: Contribution, *, actor: Person, text: str = "", is_quiet: bool = False) -> Sequence[Build]:
    """Everybody sees it from now on, in the caller's transaction that holds its lock; returns the builds it queued.

    `is_quiet` is one of many at once, which another line tells of: then only saved searches hear of this one.
    """
    if not Contribution.objects.filter(pk=contribution.pk, is_draft=True).update(is_draft=False, shares_at=None):
        raise Clash("It is public already.")
    contribution.refresh_from_db()
    about = {"contribution": contribution, "revision": contribution.current}
    event = Event.objects.write(Event.Verb.SHARED, actor=actor, text=text, **about)
    if is_quiet:
        Telling.objects.filter(event=event).update(is_for_searches=True)
    fits = Fit.objects.filter(revision=contribution.current_id).select_related("release", "revision")
    builds = [queue_build(fit) for fit in fits.order_by("-release__position", "pk") if fit.is_buildable]
    Standing.objects.recompute(contribution)
    settle(contribution)
    return [build for build in builds if build is not None]


def unveil_if_clear(pk: int) -> Sequence[Build]:
    """Make the draft public unless something is alike; then it waits for its author. Returns the builds it queued."""
    with transaction.atomic():
        drafts = Contribution.objects.filter(pk=pk, is_draft=True, quarantined_at=None).exclude(shares_at=None)
        draft = drafts.exclude(state=WITHDRAWN).select_for_update(of=("self",)).first()
        if draft is None or draft.current is None or _is_still_compared(draft):
            return []
        _one_at_a_time(draft)
        if overlaps_of(draft, draft.author).is_clear:
            return unveil(draft, actor=draft.author)
        Contribution.objects.filter(pk=pk).update(shares_at=None)
        Event.objects.write(Event.Verb.ALIKE, contribution=draft, revision=draft.current)
        return []


def unveil_all_clear(keys: Collection[int]) -> list[Build]:
    """The same of each draft among these contributions."""
    drafts = Contribution.objects.filter(pk__in=keys, is_draft=True).exclude(shares_at=None)
    waiting = list(drafts.order_by("pk").values_list("pk", flat=True))
    return [build for pk in waiting for build in unveil_if_clear(pk)]


def _is_still_compared(draft: Contribution) -> bool:
    over = Contribution.objects.filter(pk=draft.pk, shares_at__lte=Now())
    waiting = Fit.objects.filter(revision=draft.current_id, state__in=[QUEUED, RUNNING])
    return waiting.exists() and not over.exists()


def _one_at_a_time(draft: Contribution) -> None:
    """Of two drafts of a component that do the same, the second one sees the first."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [UNVEIL_LOCK, draft.component_id])


def due(most: int) -> list[int]:
    """The keys of at most `most` drafts whose releases had their time, the longest due first."""
    rows = Contribution.objects.filter(shares_at__lte=Now(), is_draft=True, quarantined_at=None).exclude(current=None)
    return list(rows.exclude(state=WITHDRAWN).order_by("shares_at").values_list("pk", flat=True)[:most])
