"""How the site's machinery is: workers, what waits for them, and what each builder's sandbox proved."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import django
from django.shortcuts import render
from django.views.decorators.http import require_safe

from contributions.models import Builder
from contributions.models.builder import backlog, database_version, workers_seen
from contributions.models.index import word_of_index
from contributions.models.watch import watched

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from contributions.models.watch import Watch

MOST_UPSTREAMS = 100


def _shown(watches: list[Watch]) -> dict[str, Any]:
    """Those that fail first, then the longest due; of more than a page holds the rest is counted."""
    last = datetime.max.replace(tzinfo=UTC)
    rows = sorted(watches, key=lambda watch: (-watch.failures, watch.due_at or last, watch.component.slug))
    return {"rows": rows[:MOST_UPSTREAMS], "more": max(len(rows) - MOST_UPSTREAMS, 0)}


@require_safe
def status(request: HttpRequest) -> HttpResponse:
    context = {
        "workers": workers_seen(),
        "backlog": backlog(),
        "builders": Builder.objects.all(),
        "index": word_of_index(),
        "upstreams": _shown(watched()),
        "versions": {
            "Python": platform.python_version(),
            "Django": django.get_version(),
            "PostgreSQL": database_version(),
        },
    }
    response = render(request, "status.html", context)
    response.headers["Cache-Control"] = "no-store"
    return response
