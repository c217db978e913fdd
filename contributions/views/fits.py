"""The page of one fit: why a patch meets a release as it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from django.contrib import messages
from django.shortcuts import redirect, render, resolve_url
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from contributions.actions import confirming, trying_again
from contributions.errors import Invalid, Missing
from contributions.forms.voices import ConfirmForm
from contributions.keeping import kept
from contributions.models import Build, Fit, Inquiry, Release, Revision, Standing, gave_up
from contributions.models.baseline import set_beside
from contributions.models.build import repetitions_of
from contributions.models.fit import UNCLEAR
from contributions.models.forges import commit_address
from contributions.plaintext import clean

from .clashes import shown_clashes
from .contribution import AT_WORK, chosen_revision, find, framed
from .entering import person_of, verb
from .shown_ports import port_context

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

    from contributions.models import Contribution

MOST_BUILDS = 10
THANKS = {
    True: _("Noted: upstream has it. Other releases that hold the commit follow."),
    False: _("Noted: it is another change."),
    None: _("That is taken back; the question is open again."),
}


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


def show_fit(request: HttpRequest, contribution: Contribution, release: Release) -> HttpResponse:
    revision = chosen_revision(request, contribution)
    row = fits_on(release).filter(revision=revision).first()
    builds = list(_builds(release, revision))
    set_beside(builds)
    inquiry = Inquiry.objects.filter(fit=row).first() if row else None
    states = {row.state if row else ""} | {build.state for build in builds} | {inquiry.state if inquiry else ""}
    context = {
        "release": release,
        "revision": revision,
        "fit": row,
        "inquiry": inquiry,
        "builds": builds,
        "bare": Build.objects.bare().filter(release=release).defer("recipe").first(),
        "standing": Standing.objects.filter(contribution=contribution, release=release).first(),
        "others": fits_on(release).filter(revision__contribution=contribution).exclude(revision=revision),
        "moving": bool(AT_WORK & states),
        **(_reason(request, contribution, row) if row else {}),
        **(_given_up(request, contribution, row) if row else {}),
        **port_context(request, contribution, release, row),
    }
    return render(request, "fit.html", framed(request, contribution, "matrix", **context))


def _reason(request: HttpRequest, contribution: Contribution, row: Fit) -> dict[str, Any]:
    """Why it meets the release so, as far as that is known."""
    upstream = contribution.component.upstream_url
    asked = row.asked_about or (row.upstream_commit if row.evidence == Fit.Evidence.CONFIRMED else "")
    said = contribution.sightings.filter(commit=asked).select_related("person").first() if asked else None
    conflicts = row.state in UNCLEAR
    return {
        "upstream_page": commit_address(upstream, row.upstream_commit),
        "evidence": Fit.Evidence.said(row.evidence),
        "asked": asked,
        "asked_page": commit_address(upstream, asked),
        "said": said,
        "may_confirm": contribution.may_be_confirmed_by(request.user),
        "parts": [Part.of(part, upstream) for part in row.commits],
        "clashes": shown_clashes(row, upstream) if conflicts else [],
    }


def _given_up(request: HttpRequest, contribution: Contribution, row: Fit) -> dict[str, Any]:
    """What of it went wrong on our side, and whether this person may have it tried again."""
    may = contribution.may_be_confirmed_by(request.user) and row.release.is_supported
    return {"given_up": gave_up.words_for(gave_up.of_fit(row)), "may_try_again": may}


@verb("contribution-matrix")
def try_again(request: HttpRequest, number: int) -> HttpResponse:
    """What the portal gave up on of one fit; back to that fit."""
    contribution = find(request, number)
    release = release_named(contribution, clean(request.POST.get("release", "")))
    word = request.POST.get("revision", "")
    revision = int(word) if word.isascii() and word.isdigit() and len(word) < 9 else 0  # noqa: PLR2004 - fits an integer
    row = fits_on(release).filter(revision__contribution=contribution, revision__number=revision).first()
    if row is None:
        raise Missing(f"That revision was not tried on {release.name}.")
    trying_again.try_fit_again(person=person_of(request), fit=row)
    messages.success(request, "It is tried again as soon as a worker is free.")
    page = resolve_url("contribution-fit", number=number, name=release.name)
    return redirect(f"{page}?revision={revision}")


class Part(NamedTuple):
    """A commit of a series, and how it meets the release by itself."""

    sha: str
    subject: str
    state: str
    upstream_commit: str
    page: str
    conflicts: Sequence[str]

    @classmethod
    def of(cls, known: dict[str, Any], upstream_url: str) -> Part:
        commit = str(known.get("upstream_commit") or "")
        sha, subject, state = (str(known.get(name) or "") for name in ("sha", "subject", "state"))
        page, conflicts = commit_address(upstream_url, commit), known.get("conflicts") or []
        return cls(sha, subject, state, commit, page, conflicts)


@verb("contribution-matrix")
def confirm(request: HttpRequest, number: int) -> HttpResponse:
    """Say whether the commit that a fit asks about is the contribution; back to that fit."""
    contribution = find(request, number)
    release = release_named(contribution, clean(request.POST.get("release", "")))
    form = ConfirmForm(request.POST)
    if not form.is_valid():
        raise Invalid("Say whether it is the same, is not, or that you take that back.")
    confirming.confirm(person=person_of(request), contribution=contribution, **form.cleaned_data)
    messages.success(request, str(THANKS[form.cleaned_data["is_same"]]))
    return redirect("contribution-fit", number=number, name=release.name)


def fits_on(release: Release) -> QuerySet[Fit, Fit]:
    rows: QuerySet[Fit, Fit] = Fit.objects.filter(release=release).select_related("revision", "clash")
    long = ("files", "commits", "fingerprints", "text", "html", "warnings")
    return rows.defer(*(f"revision__{name}" for name in long)).order_by("-revision__number")


def _builds(release: Release, revision: Revision | None) -> Any:
    own = Build.objects.originals().filter(revision=revision, release=release).defer("recipe")
    return own.prefetch_related(repetitions_of()).order_by("-serial")[:MOST_BUILDS]
