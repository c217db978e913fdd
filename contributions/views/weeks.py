"""What happened week by week, as bars that a template writes into SVG, with the same figures in a table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import Count
from django.db.models.functions import TruncWeek

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.db.models import QuerySet

SHOWN = 13  # weeks, a quarter of a year
WIDTH, HEIGHT, GAP = 24, 60, 4  # of one bar, in the drawing's own units
WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Part:
    """One series' piece of a week's bar; `y` counts from the top."""

    name: str
    count: int
    y: float
    height: float


@dataclass(frozen=True)
class Week:
    begin: date
    x: int
    parts: tuple[Part, ...]

    @property
    def total(self) -> int:
        return sum(part.count for part in self.parts)


@dataclass(frozen=True)
class Chart:
    """Weeks, oldest first. `series` are the name and the words of what is counted, from the bottom of a bar up."""

    title: str
    series: tuple[tuple[str, str], ...]
    weeks: tuple[Week, ...]

    @property
    def width(self) -> int:
        return len(self.weeks) * (WIDTH + GAP) - GAP

    @property
    def height(self) -> int:
        return HEIGHT

    @property
    def bar(self) -> int:
        return WIDTH

    @property
    def total(self) -> int:
        return sum(week.total for week in self.weeks)

    @property
    def sentence(self) -> str:
        """The chart in words, for those who do not see it."""
        if not self.total:
            return f"{self.title}: none in {len(self.weeks)} weeks."
        busiest = max(self.weeks, key=lambda week: week.total)
        sums = [sum(week.parts[at].count for week in self.weeks) for at in range(len(self.series))]
        said = ", ".join(f"{count} {words}" for count, (_, words) in zip(sums, self.series, strict=True))
        return (
            f"{self.title} in {len(self.weeks)} weeks: {said}; most, {busiest.total}, in that of {busiest.begin:%d %B}."
        )


def drawn(title: str, series: Mapping[str, str], counts: Mapping[tuple[date, str], int], today: date) -> Chart:
    """A chart of the last weeks; `counts` are by Monday and name of a series."""
    monday = today - timedelta(days=today.weekday())
    begins = [monday - WEEK * back for back in reversed(range(SHOWN))]
    tallest = max((sum(counts.get((begin, name), 0) for name in series) for begin in begins), default=0) or 1
    weeks = [
        Week(begin, at * (WIDTH + GAP), _stacked([(name, counts.get((begin, name), 0)) for name in series], tallest))
        for at, begin in enumerate(begins)
    ]
    return Chart(title, tuple(series.items()), tuple(weeks))


def _stacked(counted: Sequence[tuple[str, int]], tallest: int) -> tuple[Part, ...]:
    parts, top = [], float(HEIGHT)
    for name, count in counted:
        height = HEIGHT * count / tallest
        top -= height
        parts.append(Part(name, count, round(top, 1), round(height, 1)))
    return tuple(parts)


def by_week(rows: QuerySet[Any], moment: str, name: str, now: datetime) -> dict[tuple[date, str], int]:
    """How many rows of each value of the field `name` fell into each of the last weeks, by the time in `moment`."""
    since = now - WEEK * SHOWN
    found = rows.filter(**{f"{moment}__gte": since}).order_by().annotate(week=TruncWeek(moment))
    counted = found.values_list("week", name).annotate(count=Count("pk"))
    return {(week.date(), value): count for week, value, count in counted}
