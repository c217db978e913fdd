"""When something was: how long ago in words, and the exact time in the reader's own zone."""

from __future__ import annotations

import zoneinfo
from functools import cache
from typing import TYPE_CHECKING

from django.utils import timezone

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from django.http import HttpRequest, HttpResponse

UNITS = ((60, "second"), (60, "minute"), (24, "hour"), (30, "day"), (12, "month"), (10_000, "year"))


def age(moment: datetime, now: datetime) -> str:
    """Such as "3 days ago"."""
    count = max((now - moment).total_seconds(), 0)
    for size, unit in UNITS:
        if count < size:
            number = int(count)
            return "just now" if unit == "second" else f"{number} {unit}{'' if number == 1 else 's'} ago"
        count /= size
    return "long ago"


def exact(moment: datetime) -> tuple[str, str]:
    """Day and time of day in the reader's zone, which is named: ("2026-03-01", "14:05 CET")."""
    local = timezone.localtime(moment)
    return f"{local:%Y-%m-%d}", f"{local:%H:%M %Z}"


@cache
def zone_names() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


class OwnTimes:
    """The middleware that tells times in the zone that the reader chose; strangers' browsers tell them in theirs."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        has_session = "sessionid" in request.COOKIES
        name = getattr(request.user, "time_zone", "") if has_session else ""
        with timezone.override(zoneinfo.ZoneInfo(name) if name in zone_names() else None):
            return self.get_response(request)
