"""The page of one fit: why a patch meets a release as it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.shortcuts import render
from django.views.decorators.http import require_safe

from contributions.errors import Missing
from contributions.keeping import kept
from contributions.models import Build, Fit, Release, Revision, Standing
from contributions.models.build import repetitions_of
from contributions.models.forges import commit_address

from .contribution import AT_WORK, chosen_revision, find, framed

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

    from contributions.models import Contribution

MOST_BUILDS = 10


@require_safe
@kept
def fit(request: HttpRequest, number: int, name: str) -> HttpResponse:
    contribution = find(request, number)
    return show_fit(request, contribution, release_named(contribution, name))


def release_named(contribution: Contribution, name: str) -> Release:
    """The release of its component by name or slug; raises Missing."""
    releases = Release.objects.select_related("component").filter(component=contribution.component_id)
    found = releases.filter(name=name).first() or releases.filter(slug=name).first()
    if found is None:
        raise Missing("Its component has no such release.")
    return found


def show_fit(request: HttpRequest, contribution: Contribution, release: Release, **more: Any) -> HttpResponse:
    revision = chosen_revision(request, contribution)
    row = fits_on(release).filter(revision=revision).first()
    builds = list(_builds(release, revision))
    states = {row.state if row else ""} | {build.state for build in builds}
    context = {
        "release": release,
        "revision": revision,
        "fit": row,
        "builds": builds,
        "bare": Build.objects.bare().filter(release=release).defer("recipe").first(),
        "standing": Standing.objects.filter(contribution=contribution, release=release).first(),
        "upstream_page": commit_address(contribution.component.upstream_url, row.upstream_commit) if row else "",
        "others": fits_on(release).filter(revision__contribution=contribution).exclude(revision=revision),
        "moving": bool(AT_WORK & states),
    }
    status = more.pop("status", 200)
    return render(request, "fit.html", framed(request, contribution, "matrix", **context | more), status=status)


def fits_on(release: Release) -> QuerySet[Fit, Fit]:
    rows: QuerySet[Fit, Fit] = Fit.objects.filter(release=release).select_related("revision", "clash")
    long = ("files", "commits", "fingerprints", "text", "html", "warnings")
    return rows.defer(*(f"revision__{name}" for name in long)).order_by("-revision__number")


def _builds(release: Release, revision: Revision | None) -> Any:
    own = Build.objects.originals().filter(revision=revision, release=release).defer("recipe")
    return own.prefetch_related(repetitions_of()).order_by("-serial")[:MOST_BUILDS]
