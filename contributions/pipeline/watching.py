"""Watching upstream by the clock: each component is pulled every so often, and less often while that fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.utils import timezone

from contributions.models import UpstreamFetch
from contributions.models.watch import watched

if TYPE_CHECKING:
    from datetime import datetime

    from contributions.models import Component

MOST_AT_ONCE = 5  # pulls that one look of the clock queues, the longest due first


def queue_due(now: datetime | None = None) -> list[UpstreamFetch]:
    """Queue a pull of each component that is due for one; one that waits or runs already is enough."""
    moment = now or timezone.now()
    due = [(watch.due_at, watch.component) for watch in watched() if watch.due_at and watch.due_at <= moment]
    due.sort(key=lambda pair: (pair[0], pair[1].pk))
    queued = [_queued(component) for _, component in due[:MOST_AT_ONCE]]
    return [row for row in queued if row is not None]


def _queued(component: Component) -> UpstreamFetch | None:
    try:
        with transaction.atomic():
            return UpstreamFetch.objects.create(component=component)
    except IntegrityError:  # somebody asked for it just now
        return None
