"""Stored bytes on their way out: the same for ever under one address, so that they may be kept for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import FileResponse, HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response

from contributions.models import Download

if TYPE_CHECKING:
    from rest_framework.request import Request

    from contributions.models import Blob

PLAIN = "text/plain; charset=utf-8"  # with nosniff, so that no browser takes it for a page
# Caches of many ask again after a minute, so that what staff put in quarantine is soon in nobody's reach.
FOR_ALL = "public, max-age=31536000, s-maxage=60, immutable"
FOR_ONE = "private, max-age=31536000, immutable"


def blob_response(request: Request, blob: Blob, name: str, *, public: bool) -> HttpResponseBase:
    """The blob as plain text; its SHA-256 is its ETag."""
    etag = f'"{blob.sha256}"'
    plain = request._request  # noqa: SLF001 - DRF wraps Django's request, which the conditions are read from
    known: HttpResponse | None = get_conditional_response(plain, etag=etag)
    response = known or FileResponse(blob.open(), filename=name, content_type=PLAIN)
    if plain.method == "GET":
        Download.objects.note(request.user, blob)
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = FOR_ALL if public else FOR_ONE
    return response
