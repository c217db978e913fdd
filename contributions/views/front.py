"""The front page, the page that explains the ranking, and the word to robots."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from contributions import ranking
from contributions.forms.ranking import CalculatorForm
from contributions.keeping import kept
from contributions.models import Component, Contribution, Publication

from .charts import Segment, evidence_bar
from .listing import some_rows
from .news import counts_since_yesterday, lines as news_lines

if TYPE_CHECKING:
    from django.http import HttpRequest

HOT, PUBLISHED, REVIEW = 6, 6, 5
CLOSED = ("account", "admin", "api", "files", "search")  # to robots: nothing to be found, or nothing but copies
ROBOTS = "User-agent: *\n" + "".join(f"Disallow: /{room}/\n" for room in CLOSED)

TODAY = timedelta(0)
EXAMPLES = [
    (
        "Four organisations run it in production since 20 days, 6 votes up, three builds pass",
        ranking.Evidence(6, 0, (ranking.Voice(works=True, stage="production", age=timedelta(days=20)),) * 4, 3),
    ),
    ("80 votes up and 2 down, three builds pass, nobody runs it", ranking.Evidence(80, 2, (), 3)),
    ("New: three builds pass, nothing else is known", ranking.Evidence(0, 0, (), 3)),
    (
        "40 votes up, but two organisations in production say it works and two that it is broken",
        ranking.Evidence(
            40,
            0,
            (
                *(ranking.Voice(works=True, stage="production", age=TODAY),) * 2,
                *(ranking.Voice(works=False, stage="production", age=TODAY),) * 2,
            ),
            3,
        ),
    ),
    ("The patch breaks a build that passes without it", ranking.Evidence(broken_builds=1)),
]


@require_safe
@kept
def home(request: HttpRequest) -> HttpResponse:
    visible = Contribution.objects.visible_to(request.user)
    open_ones = visible.in_state(Contribution.State.OPEN)
    waiting = open_ones.needing_review_by(request.user) if request.user.is_authenticated else open_ones
    context = {
        "since": counts_since_yesterday(request.user),
        "news": news_lines(request.user),
        "hot": some_rows(visible.exclude(state="withdrawn"), Contribution.ORDERS["active"], HOT),
        "published": Publication.objects.live().with_names().newest_first()[:PUBLISHED],
        "waiting": some_rows(waiting, Contribution.ORDERS["best"], REVIEW),
        "components": Component.objects.all()[:12],
    }
    return render(request, "home.html", context)


@require_safe
@kept
def how_ranking_works(request: HttpRequest) -> HttpResponse:
    form = CalculatorForm(request.GET)
    context = {
        "examples": [(words, evidence, _bar(evidence)) for words, evidence in EXAMPLES],
        "ranking": ranking,
        "form": form,
        "evidence": form.evidence,
        "bar": _bar(form.evidence) if form.evidence else [],
    }
    return render(request, "how_ranking_works.html", context)


def _bar(evidence: ranking.Evidence) -> list[Segment]:
    return evidence_bar(evidence.parts, evidence.counts)


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    del request
    return HttpResponse(ROBOTS, content_type="text/plain; charset=utf-8")
