"""Whether the process lives (/healthz) and whether the site can do its work (/readyz)."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse


def healthz(request: HttpRequest) -> HttpResponse:
    """Say that this process answers; it asks nobody else."""
    del request
    return HttpResponse("ok\n", content_type="text/plain; charset=utf-8")
