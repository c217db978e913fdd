"""The feed: what was published and what was taken back, for machines that install from it."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Max, Q, Subquery
from django.utils.cache import get_conditional_response
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema

from contributions.models import Advisory, Event
from contributions.models.build import repetitions_of, uploads_of

from .lookups import named, standing
from .paging import LARGEST_SIZE
from .queries import FeedQuery
from .resource import Resource
from .shapes.paged import paged
from .shapes.publications import EntryShape

if TYPE_CHECKING:
    from django.http import HttpResponse
    from rest_framework.request import Request

    from contributions.models.event import EventQuerySet

FORMAT = 4  # goes into the ETag: count it up when the shape of an entry changes
NAMES = (
    "component",
    "advisory",
    "publication__release__component",
    "publication__revision__contribution__organisation",
    "publication__revision__contribution__author",
    "publication__build__attestation",
)
SIGNED = "publication__build__attestation"
FILES = (
    "publication__build__artifacts__blob",
    uploads_of("publication__revision__"),
    repetitions_of("publication__build__"),
)
IF_NONE_MATCH = OpenApiParameter("If-None-Match", str, OpenApiParameter.HEADER, description="The ETag you have.")
ETAG = OpenApiParameter("ETag", str, OpenApiParameter.HEADER, response=[200, 304])


class Feed(Resource):
    is_kept = True

    @extend_schema(
        operation_id="feed",
        parameters=[FeedQuery, IF_NONE_MATCH, ETAG],
        responses={200: paged(EntryShape), 304: OpenApiResponse(description="Nothing is new since that ETag.")},
        summary="Read the feed",
    )
    def get(self, request: Request) -> HttpResponse:
        """Newest first. Ask with If-None-Match: as long as nothing is new it is answered with 304."""
        asked = self.asked(FeedQuery)
        entries = _narrowed(Event.objects.of_the_feed(), asked)
        etag = _etag(request, entries, asked)
        plain = request._request  # noqa: SLF001 - DRF wraps Django's request, which the conditions are read from
        response = get_conditional_response(plain, etag=etag)
        if response is None:
            found = entries.select_related(*NAMES).prefetch_related(*FILES, standing("publication__revision"))
            response = self.listed(EntryShape, found, asked, "-pk")
        response.headers["ETag"] = etag
        response.headers["Cache-Control"] = "no-cache"  # keep it, and ask each time whether it still holds
        return response


def _narrowed(entries: EventQuerySet, asked: dict[str, Any]) -> EventQuerySet:
    if "component" in asked:
        entries = entries.filter(component__slug=asked["component"])
    if "release" in asked:
        of_release = named(asked["release"], "affected__publications__release__")
        about = Q(advisory__in=Advisory.objects.filter(of_release))
        entries = entries.filter(named(asked["release"], "publication__release__") | about)
    since = asked.get("since")
    if isinstance(since, datetime):
        entries = entries.filter(at__gte=since)
    elif since is not None:
        entries = entries.filter(pk__gt=since)
    return entries


def _etag(request: Request, entries: EventQuerySet, asked: dict[str, Any]) -> str:
    """Strong, from two small queries.

    Whether each entry is live changes only with another entry; its build is signed some seconds after it came, and
    may be repeated or matched at any time. The address brings page and filters in.
    """
    said = f"{FORMAT} {entries.mark()} {_signed(entries, asked)} {request.build_absolute_uri()}"
    return f'"{hashlib.sha256(said.encode()).hexdigest()[:32]}"'


def _signed(entries: EventQuerySet, asked: dict[str, Any]) -> str:
    """How many of the builds that the page may show are signed, and since when; and the last word on likeness.

    The first page, which everybody asks for again and again, has none but the newest entries.
    """
    if "cursor" not in asked:
        entries = Event.objects.filter(pk__in=entries.newest_first().values("pk")[:LARGEST_SIZE])
    totals = entries.aggregate(
        count=Count(f"{SIGNED}__provenance"),
        newest=Max(f"{SIGNED}__finished_at"),
        likeness=Max(Subquery(Event.objects.newest_likeness())),
    )
    return " ".join(str(total) for total in totals.values())
