"""One contribution and its tabs: overview, fits and builds. Changes, discussion and evidence have other rooms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Count
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from contributions.errors import Missing
from contributions.forms.sharing import TagsForm
from contributions.forms.upstream import UpstreamForm
from contributions.forms.voices import ReasonForm, ReviewForm
from contributions.keeping import kept
from contributions.models import (
    Advisory,
    Artifact,
    Build,
    Contribution,
    Event,
    Fit,
    Publication,
    Review,
    Revision,
    Standing,
    Tag,
    checklist_of,
    is_colleague,
)
from contributions.models.baseline import set_beside
from contributions.models.build import repetitions_of
from contributions.models.hearing import hearers_of_revisions
from contributions.models.lines import PUBLISHED_THREAD, drafts_of
from contributions.models.overlapping import overlaps_of

from .carried import LARGE, lapsed_verdicts, remnants, vote_in_force, with_the_one_before
from .charts import evidence_bar
from .handing import handing_of
from .notes import note_of, releases_of
from .shown_claims import claims_shown
from .shown_ports import ports_shown, standing_fits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

KNOWN_TAGS = 200  # offered to whoever writes one
LONG = ("files", "commits", "fingerprints")  # columns of a revision that no list of them shows
AT_WORK = {"queued", "running"}  # states of a fit or a build: the page asks again until there are none


def find(request: HttpRequest, number: int) -> Contribution:
    """The contribution, if this person may know of it; raises Missing."""
    visible = Contribution.objects.visible_to(request.user).with_names()
    found = visible.defer("current__files", "current__commits", "current__fingerprints").filter(pk=number).first()
    if found is None:
        raise Missing("There is no contribution of that number, or it is still being received.")
    return found


def framed(request: HttpRequest, contribution: Contribution, tab: str, **more: Any) -> dict[str, Any]:
    """What the head of every tab shows: the newest revision, one's own vote, and the rights to act."""
    user = request.user
    newest = more.pop("newest") if "newest" in more else _revisions(contribution).filter(ports=None).first()
    if "moving" in more:
        more["moving"] = more["moving"] or (newest is not None and not newest.is_over) or contribution.is_compared
    return {
        "contribution": contribution,
        "current": contribution.current,
        "newest": newest,
        "tab": tab,
        "my_vote": vote_in_force(contribution, user),
        "may_vote": contribution.may_be_voted_on_by(user),
        "may_revise": contribution.may_be_revised_by(user),
        "may_withdraw": contribution.may_be_withdrawn_by(user),
        "may_review": contribution.may_be_reviewed_by(user),
        "may_discuss": contribution.may_be_discussed_by(user),
        "advisories": Advisory.objects.standing().filter(affected__contribution=contribution).distinct(),
        "held": _why_held(contribution),
        "holds_for": releases_of(contribution),
        "remarks": counted_remarks(contribution, user),
        **more,
    }


def counted_remarks(contribution: Contribution, person: Any) -> dict[str, int]:
    """How many threads on lines are open, and how many drafts the reader keeps there."""
    rows = contribution.line_comments.unresolved()
    counts = {"open": Count("pk", filter=PUBLISHED_THREAD), "drafts": Count("pk", filter=drafts_of(person))}
    return rows.aggregate(**counts)


def _why_held(contribution: Contribution) -> Event | None:
    """Who put it in quarantine, and why."""
    if not contribution.is_quarantined:
        return None
    lines = Event.objects.filter(contribution=contribution, verb=Event.Verb.QUARANTINED)
    return lines.select_related("actor").newest_first().first()


def _revisions(contribution: Contribution) -> QuerySet[Revision]:
    """Newest first, without the long lists of files and commits."""
    rows: QuerySet[Revision] = contribution.revisions.defer("files", "commits", "fingerprints").order_by("-number")
    return rows


@require_safe
@kept
def overview(request: HttpRequest, number: int) -> HttpResponse:
    return show_overview(request, find(request, number))


def show_overview(request: HttpRequest, contribution: Contribution, **more: Any) -> HttpResponse:
    revision = contribution.current
    named = _revisions(contribution).select_related("ports", "release")
    revisions = with_the_one_before(named.defer(*LONG, *(f"ports__{name}" for name in LONG)))
    standings = list(contribution.standings.select_related("release"))
    publications = Publication.objects.visible_to(request.user).filter(revision__contribution=contribution)
    context: dict[str, Any] = {
        "moving": any(AT_WORK & {row.fit, row.build_state} for row in standings),
        "standings": [(row, evidence_bar(row.parts, row.counts)) for row in standings],
        "publications": publications.select_related("release"),
        "reviews": Review.objects.in_force(contribution).select_related("reviewer", "revision").defer(*LARGE),
        "lapsed": lapsed_verdicts(contribution),
        "remnants": remnants(contribution),
        "revisions": revisions,
        "newest": next((revision for revision in revisions if not revision.is_port), None),
        "uploads": _uploads(contribution),
        "ports": ports_shown(request, contribution) if any(revision.is_port for revision in revisions) else [],
        "claims": claims_shown(contribution, request.user),
        "may_tick": contribution.may_be_ticked_by(request.user),
        "reason_form": ReasonForm(),
        "checklist": checklist_of(contribution),
        "radar": overlaps_of(contribution, request.user) if contribution.waits_for_its_author else None,
        **note_of(contribution, chosen_revision(request, contribution)),
        "tags": list(contribution.tags.all()),
        "depends_on": Contribution.objects.visible_to(request.user).filter(needed_by=contribution).order_by("pk"),
        "may_advise": contribution.component.may_be_advised_on_by(request.user),
        **handing_of(contribution, request.user),
    }
    if contribution.may_be_tagged_by(request.user):
        words = " ".join(tag.name for tag in context["tags"])
        known = Tag.objects.counted(KNOWN_TAGS, without=Contribution.objects.hidden_from(request.user))
        context |= {"tags_form": TagsForm(initial={"tags": words}), "known_tags": [name for name, _ in known]}
    if contribution.may_be_placed_by(request.user):
        context["upstream_form"] = UpstreamForm.of(contribution)
    if contribution.may_be_withdrawn_by(request.user):
        context["hearers"] = hearers_of_revisions(_revisions(contribution)).count()
    if contribution.may_be_reviewed_by(request.user):
        context["is_colleague"] = is_colleague(request.user, contribution)
        context["review_form"] = ReviewForm(initial={"revision": revision.number if revision else None})
    status = more.pop("status", 200)
    context = framed(request, contribution, "overview", **context | more)
    return render(request, "contribution/overview.html", context, status=status)


def _uploads(contribution: Contribution) -> Sequence[Artifact]:
    """The files of an executable; no other kind has any."""
    if contribution.kind != Contribution.Kind.EXECUTABLE:
        return []
    return list(Artifact.objects.filter(revision=contribution.current_id).select_related("blob"))


@require_safe
@kept
def matrix(request: HttpRequest, number: int) -> HttpResponse:
    contribution = find(request, number)
    revision = chosen_revision(request, contribution)
    fits = Fit.objects.filter(revision=revision).select_related("release", "release__component", "revision")
    standings = {row.release_id: row for row in Standing.objects.filter(contribution=contribution)}
    builds: dict[int, list[Build]] = {}
    own = Build.objects.originals().filter(revision=revision).defer("recipe").prefetch_related(repetitions_of())
    for build in own.order_by("-serial"):
        builds.setdefault(build.release_id, []).append(build)
    set_beside(build for made in builds.values() for build in made)
    bare = Build.objects.bare().filter(release__in=[fit.release_id for fit in fits]).order_by("pk").defer("recipe")
    bare_builds = {build.release_id: build for build in bare}
    ports = ports_shown(request, contribution)
    ported = standing_fits(ports) if revision and revision.pk == contribution.current_id else {}
    rows = [
        {
            "fit": fit,
            "port": ported.get(fit.release_id),
            "reason": address_of_fit(fit, contribution),
            "release": fit.release,
            "builds": builds.get(fit.release_id, []),
            "bare": bare_builds.get(fit.release_id),
            "standing": standings.get(fit.release_id),
        }
        for fit in fits
    ]
    may_build = contribution.is_by(request.user) or may_maintain(request, contribution)
    states = {fit.state for fit in fits} | {build.state for made in builds.values() for build in made}
    context = {
        "rows": rows,
        "ports": ports,
        "may_port": contribution.may_be_ported_by(request.user),
        "revision": revision,
        "revisions": _revisions(contribution).filter(state=Revision.State.RECEIVED),
        "may_build": may_build,
        "moving": bool(AT_WORK & states),
    }
    return render(request, "contribution/matrix.html", framed(request, contribution, "matrix", **context))


def address_of_fit(fit: Fit, contribution: Contribution) -> str:
    """The page that tells the reason; it is about the current revision unless it names another one."""
    address = reverse("contribution-fit", args=[contribution.pk, fit.release.name])
    return address if fit.revision_id == contribution.current_id else f"{address}?revision={fit.revision.number}"


def chosen_revision(request: HttpRequest, contribution: Contribution) -> Revision | None:
    """The revision that `?revision=` names, with its diff's place, else the current one; raises Missing."""
    revisions = contribution.revisions.select_related("diff", "sides").defer("fingerprints")
    word = request.GET.get("revision", "")
    if not word:
        return revisions.filter(pk=contribution.current_id).first()
    number = int(word) if word.isascii() and word.isdigit() and len(word) < 9 else 0  # noqa: PLR2004 - fits an integer
    found: Revision | None = revisions.filter(number=number).first()
    if found is None:
        raise Missing("This contribution has no revision of that number.")
    return found


def may_maintain(request: HttpRequest, contribution: Contribution) -> bool:
    return request.user.is_authenticated and (
        request.user.is_staff or contribution.component.is_maintained_by(request.user)
    )
