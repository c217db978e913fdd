"""Components and their releases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Count, Q
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from contributions.errors import Missing
from contributions.keeping import kept
from contributions.models import Build, Component, Contribution, Event, Publication, Recipe, Release
from contributions.models.contribution import visible_to_all

from . import weeks
from .forecasts import costs_of
from .listing import contribution_page, on_release
from .paging import page

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

KINDS: dict[str, str] = {kind: f"{kind}s" for kind in Contribution.Kind.values}
BUILT: dict[str, str] = {"passed": "passed", "failed": "failed", "timed-out": "timed out"}
LISTED_RELEASES = 60
LISTED_CHANGES = 5


@require_safe
@kept
def components(request: HttpRequest) -> HttpResponse:
    rows = Component.objects.annotate(
        contribution_count=Count("contributions", filter=visible_to_all("contributions__"), distinct=True),
        release_count=Count("releases", filter=Q(releases__state=Release.State.SUPPORTED), distinct=True),
    )
    return render(request, "components.html", {"page": page(request, rows, ("pk",))})


@require_safe
@kept
def component(request: HttpRequest, slug: str) -> HttpResponse:
    shown = Component.objects.prefetch_related("maintainers").filter(slug=slug).first()
    if shown is None:
        raise Missing("There is no such component.")
    visible = Contribution.objects.visible_to(request.user).filter(component=shown)
    context = {
        "component": shown,
        "releases": list(shown.releases.newest_first()[:LISTED_RELEASES]),
        "recipe": Recipe.objects.filter(component=shown).first(),
        "fetch": shown.fetches.first(),
        "ruled": Event.objects.filter(component=shown, verb=Event.Verb.RULED).select_related("actor")[:LISTED_CHANGES],
        "may_keep": shown.may_be_kept_by(request.user),
        "page": contribution_page(request, visible, Contribution.ORDERS["best"]),
        "charts": _charts(shown, visible),
    }
    return render(request, "component.html", context)


def _charts(shown: Component, visible: QuerySet[Contribution]) -> list[weeks.Chart]:
    """What was shared for it, and how its builds went."""
    now = timezone.now()
    known = Q(revision=None, assembly=None) | Q(revision__contribution__in=visible)  # stacks are their carriers' own
    builds = Build.objects.filter(known, release__component=shown, state__in=BUILT)
    shared = weeks.by_week(visible, "created_at", "kind", now)
    built = weeks.by_week(builds, "finished_at", "state", now)
    return [
        weeks.drawn("Shared", KINDS, shared, now.date()),
        weeks.drawn("Builds", BUILT, built, now.date()),
    ]


@require_safe
@kept
def release(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    shown = Release.objects.select_related("component").filter(component__slug=slug, name=name).first()
    if shown is None:
        raise Missing("There is no such release of this component.")
    visible = on_release(Contribution.objects.visible_to(request.user), shown)
    order = ("precedence", "-score_there", "-pk") if shown.is_supported else Contribution.ORDERS["best"]
    context = {
        "release": shown,
        "page": contribution_page(request, visible, order),
        "publications": Publication.objects.live().with_names().filter(release=shown).newest_first()[:20],
        "bare_build": Build.objects.bare().filter(release=shown).first(),
        "costs": costs_of(shown, request.user) if shown.is_supported else [],
        "may_keep": shown.component.may_be_kept_by(request.user),
    }
    return render(request, "release.html", context)
