"""How the site's machinery is: workers, what waits for them, and what each builder's sandbox proved."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

import django
from django.shortcuts import render
from django.views.decorators.http import require_safe

from contributions.models import Builder
from contributions.models.builder import backlog, database_version, workers_seen
from contributions.models.index import word_of_index

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@require_safe
def status(request: HttpRequest) -> HttpResponse:
    context = {
        "workers": workers_seen(),
        "backlog": backlog(),
        "builders": Builder.objects.all(),
        "index": word_of_index(),
        "versions": {
            "Python": platform.python_version(),
            "Django": django.get_version(),
            "PostgreSQL": database_version(),
        },
    }
    response = render(request, "status.html", context)
    response.headers["Cache-Control"] = "no-store"
    return response
