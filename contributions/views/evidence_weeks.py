"""How the evidence of one contribution grew: votes and organisations as they added up, and builds, week by week."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import Count, DateTimeField
from django.db.models.functions import Cast, Coalesce, TruncWeek
from django.utils import timezone

from contributions.models import Build, FieldReport

from .weeks import SHOWN, WEEK, Chart, by_week, drawn

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from contributions.models import Contribution

Counts = dict["tuple[date, str]", int]
VOTES = {"up": "votes up", "down": "votes down"}
RUNNING = {"running": "organisations for which it works"}
BUILDS = {"passed": "passed", "failed": "failed", "timed-out": "timed out"}


def charts_of(contribution: Contribution) -> list[Chart]:
    """Of what counts now; in three queries. Nothing is drawn of which there is nothing."""
    now = timezone.now()
    today = timezone.localdate(now)
    builds = Build.objects.originals().filter(revision__contribution=contribution)
    charts = [
        drawn("Organisations that run it", RUNNING, _added_up(_running(contribution), today), today),
        drawn("Votes", VOTES, _added_up(_votes(contribution), today), today),
        drawn("Builds", BUILDS, by_week(builds, "finished_at", "state", now), today),
    ]
    return [chart for chart in charts if chart.total]


def _votes(contribution: Contribution) -> Counts:
    found = contribution.votes.order_by().annotate(week=TruncWeek("cast_at")).values_list("week", "value")
    words = {1: "up", -1: "down"}
    return {(week.date(), words[value]): count for week, value, count in found.annotate(count=Count("pk"))}


def _running(contribution: Contribution) -> Counts:
    """By the week since which it runs there, else that of the first report."""
    begun: Any = Coalesce(Cast("since", DateTimeField()), "first_at")
    works = contribution.reports.filter(outcome=FieldReport.Outcome.WORKS).order_by()
    found = works.annotate(week=TruncWeek(begun)).values_list("week")
    counted = found.annotate(count=Count("organisation", distinct=True))
    return {(week.date(), "running"): count for week, count in counted}


def _added_up(counts: Mapping[tuple[date, str], int], today: date) -> Counts:
    """All that came until the end of each of the weeks that are shown."""
    monday = today - timedelta(days=today.weekday())
    return {
        (begin, name): sum(count for (week, of), count in counts.items() if of == name and week <= begin)
        for begin in (monday - WEEK * back for back in range(SHOWN))
        for name in {name for _, name in counts}
    }
