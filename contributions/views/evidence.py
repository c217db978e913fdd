"""The evidence of one contribution: the score taken apart, field reports, votes, reviews and the history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from contributions.actions import reporting
from contributions.errors import Missing
from contributions.forms.evidence import ReportFilter
from contributions.forms.voices import ReportForm
from contributions.keeping import kept
from contributions.models import Event, FieldReport, Person, Review
from contributions.models.judging import environment_of

from .carried import remnants
from .charts import evidence_bar
from .contribution import find, framed
from .entering import person_of, verb
from .evidence_weeks import charts_of
from .paging import page

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.forms import BaseForm
    from django.http import HttpRequest, HttpResponse

    from contributions.models import Contribution, Organisation, Trait

    from .paging import Page

HISTORY = 50  # events a page
REPORTS, VOTES, REVIEWS = 20, 100, 20


@require_safe
@kept
def evidence(request: HttpRequest, number: int) -> HttpResponse:
    return show_evidence(request, find(request, number))


@verb("contribution-evidence", by="number")
def take_back(request: HttpRequest, number: int, report: int) -> HttpResponse:
    contribution = find(request, number)
    found = contribution.reports.select_related("contribution", "release", "organisation").filter(pk=report).first()
    if found is None:
        raise Missing("There is no such report.")
    reporting.take_back(author=person_of(request), report=found)
    messages.success(request, "Your report is taken back: it speaks neither for nor against any more.")
    return redirect("contribution-evidence", number)


def show_evidence(
    request: HttpRequest, contribution: Contribution, form: BaseForm | None = None, status: int = 200
) -> HttpResponse:
    ours = request.user.organisation if isinstance(request.user, Person) else None
    traits = list(contribution.component.traits.all())
    environment = environment_of(request.user, contribution.component)
    asked = ReportFilter(request.GET, traits=traits, environment=environment)
    may_report = ours is not None and contribution.may_be_reported_on_by(request.user)
    if form is None and may_report:
        form = ReportForm(contribution=contribution, initial=_usual(request, contribution, ours, environment))
    context: dict[str, Any] = {
        "standings": [(row, evidence_bar(row.parts, row.counts)) for row in _standings(contribution)],
        "remnants": remnants(contribution),
        "charts": charts_of(contribution),
        "filter": asked,
        "reports": _reports(request, asked.applied(contribution.reports.all()), traits, environment, ours),
        "reviews": _reviews(request, contribution),
        "votes": _votes(request, contribution),
        "page": _history(request, contribution),
        "may_report": may_report,
        "asks_to_report": "release" in request.GET,
        "ours": ours,
        "form": form,
        "releases": contribution.component.releases.supported().newest_first(),
    }
    context = framed(request, contribution, "evidence", **context)
    return render(request, "contribution/evidence.html", context, status=status)


def _standings(contribution: Contribution) -> QuerySet[Any, Any]:
    rows: QuerySet[Any, Any] = contribution.standings.select_related("release")
    return rows


def _usual(
    request: HttpRequest, contribution: Contribution, ours: Organisation | None, environment: dict[str, str]
) -> dict[str, Any]:
    """What the form begins with: what the address names, what we run, and what we said of the component last."""
    last = FieldReport.objects.filter(organisation=ours, release__component=contribution.component_id)
    before = last.select_related("release").first()
    traits = environment or (before.traits if before else {})
    usual = {f"trait-{slug}": choice for slug, choice in traits.items()}
    if before:
        usual |= {"release": before.release.slug, "stage": before.stage, "environment": before.environment}
    if asked := request.GET.get("release", ""):
        usual["release"] = asked
    return usual


def _reports(
    request: HttpRequest, rows: Any, traits: list[Trait], environment: dict[str, str], ours: Organisation | None
) -> Page:
    """A page of them, the newest first, each with its traits in words and how many of them are as at ours."""
    named = rows.latest_first().select_related("organisation", "release__component", "revision")
    named = named.defer("revision__files", "revision__commits", "revision__fingerprints")
    found = page(
        request,
        named.defer("revision__files", "revision__commits", "revision__fingerprints"),
        ("-moment", "-pk"),
        size=REPORTS,
        name="reports",
    )
    names = {trait.slug: trait.name for trait in traits}
    for report in found.rows:
        report.told = [(names.get(slug, slug), choice) for slug, choice in sorted(report.traits.items())]
        report.same = sum(environment.get(slug) == choice for slug, choice in report.traits.items())
        report.is_ours = ours is not None and report.organisation_id == ours.pk
    return found


def _reviews(request: HttpRequest, contribution: Contribution) -> Page:
    rows = Review.objects.filter(revision__contribution=contribution).select_related("reviewer", "revision")
    rows = rows.defer("revision__files", "revision__commits", "revision__fingerprints")
    return page(request, rows, ("-pk",), size=REVIEWS, name="reviews")


def _votes(request: HttpRequest, contribution: Contribution) -> Page:
    rows = contribution.votes.select_related("person")
    return page(request, rows, ("-value", "pk"), size=VOTES, name="votes")


def _history(request: HttpRequest, contribution: Contribution) -> Page:
    events = Event.objects.filter(contribution=contribution).visible_to(request.user)
    events = events.select_related("actor", "revision", "release", "build")
    return page(
        request,
        events.defer("revision__files", "revision__commits", "revision__fingerprints", "build__recipe"),
        ("-pk",),
        size=HISTORY,
    )
