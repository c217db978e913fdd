"""The matrix: how contributions meet releases, in as many cells as asked for with a fixed number of queries."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Count, F

from contributions.plaintext import clean

from .contribution import Contribution
from .fit import Fit
from .revision import Revision
from .standing import Standing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from django.contrib.auth.models import AnonymousUser
    from django.db.models import QuerySet

    from .component import Component
    from .contribution import ContributionQuerySet
    from .person import Person
    from .release import Release

MOST_RELEASES = 60  # columns that are looked at in all
PATCHES = (Contribution.Kind.REFINEMENT, Contribution.Kind.IMPROVEMENT)  # what is tried on releases
FITTING = (Fit.State.APPLIES, Fit.State.MERGES, Fit.State.UPSTREAM)  # nothing better can come of a port
# Each state of a fit belongs to one part of a column's summary, in this order.
PARTS: dict[str, frozenset[str]] = {
    "applies": frozenset({"applies", "merges"}),
    "upstream": frozenset({"upstream", "probably-upstream"}),
    "conflicts": frozenset({"conflicts"}),
    "other": frozenset({"no-base", "not-for-this-tree", "errored"}),
    "waiting": frozenset({"queued", "running"}),
}
NAMED = 3  # files that conflict are named in a sentence, the rest is counted
OF_A_FIT = ("release_id", "state", "sentence", "way", "upstream_commit", "evidence", "conflicts")


@dataclass(frozen=True)
class Cell:
    """How one contribution meets one release; without a state it was not tried."""

    number: int
    release: Release
    state: str = ""
    why: str = ""
    build: str = ""
    port: int = 0  # the number of the revision that was made for this release alone
    upstream_commit: str = ""
    evidence: str = ""
    conflicts: tuple[str, ...] = ()


def patches_of(component: Component, person: Person | AnonymousUser) -> ContributionQuerySet:
    """The rows of a component's matrix: what this person may see and what releases can be tried with."""
    return Contribution.objects.visible_to(person).filter(component=component, kind__in=PATCHES)


def columns_of(component: Component) -> list[Release]:
    """Its supported releases, newest first."""
    return list(component.releases.supported().newest_first()[:MOST_RELEASES])


def cells_of(shown: Mapping[int, int], releases: Sequence[Release]) -> dict[int, list[Cell]]:
    """A list of cells, one for each release, by the number of the contribution.

    `shown` maps the number of a contribution to the key of its current revision. Three queries.
    """
    keys = [release.pk for release in releases]
    fits = _fits(shown, keys)
    needed = {
        at: port for at, port in _ports(shown, keys).items() if at not in fits or fits[at]["state"] not in FITTING
    }
    fits |= needed
    builds = Standing.objects.filter(contribution__in=shown, release__in=keys).order_by()
    built = {(number, pk): state for number, pk, state in builds.values_list("contribution", "release", "build_state")}
    return {
        number: [_cell(number, release, fits.get((number, release.pk)), built) for release in releases]
        for number in shown
    }


def _fits(shown: Mapping[int, int], releases: Iterable[int]) -> dict[tuple[int, int], dict[str, Any]]:
    number_of = {revision: number for number, revision in shown.items()}
    rows = Fit.objects.filter(revision__in=number_of, release__in=releases).order_by()
    return {(number_of[row["revision_id"]], row["release_id"]): row for row in rows.values("revision_id", *OF_A_FIT)}


def _ports(shown: Mapping[int, int], releases: Iterable[int]) -> dict[tuple[int, int], dict[str, Any]]:
    """What was made of current revisions for one release, the newest of each."""
    rows = Fit.objects.filter(
        revision__ports__in=shown.values(), revision__state=Revision.State.RECEIVED, revision__withdrawn_at=None,
        revision__release=F("release"), release__in=releases,
    )  # fmt: skip
    names = {"number": F("revision__contribution_id"), "port": F("revision__number")}
    told = rows.order_by("revision").values(*OF_A_FIT, **names)
    return {(row["number"], row["release_id"]): row for row in told}


def _cell(number: int, release: Release, fit: Mapping[str, Any] | None, built: Mapping[tuple[int, int], str]) -> Cell:
    if fit is None:
        return Cell(number, release)
    return Cell(
        number,
        release,
        fit["state"],
        why(fit),
        built.get((number, release.pk), ""),
        fit.get("port", 0),
        fit["upstream_commit"],
        fit["evidence"],
        tuple(fit["conflicts"]),
    )


def states_of(numbers: Sequence[int], releases: Sequence[Release]) -> dict[tuple[int, int], tuple[str, str]]:
    """How each contribution meets each release and builds there, by the keys of both; no reasons. One query."""
    rows = Standing.objects.filter(contribution__in=numbers, release__in=[release.pk for release in releases])
    told = rows.order_by().values_list("contribution", "release", "fit", "build_state")
    return {(number, release): (fit, build) for number, release, fit, build in told}


def why(fit: Mapping[str, Any]) -> str:
    """The reason of a verdict in a sentence; what the worker said comes first."""
    if fit["sentence"]:
        return str(fit["sentence"])
    if fit["state"] in PARTS["upstream"]:
        return _upstream(fit)
    if fit["state"] == Fit.State.CONFLICTS:
        return _conflicts(fit["conflicts"])
    sentences = {
        Fit.State.APPLIES: "It applies as it is.",
        Fit.State.MERGES: "It applies at other lines than it names, or git places it with a 3-way merge.",
        Fit.State.NO_BASE: "It does not apply, and the version that it was made against is not known here.",
        Fit.State.NOT_FOR_THIS_TREE: "It changes files that are not of this component.",
        Fit.State.QUEUED: "It is to be judged.",
        Fit.State.RUNNING: "It is being judged.",
        Fit.State.ERRORED: "The portal could not judge it; that is our fault.",
    }
    return sentences.get(fit["state"], "")


def _upstream(fit: Mapping[str, Any]) -> str:
    sure = fit["state"] == Fit.State.UPSTREAM
    words = "Upstream has it" if sure else "Upstream probably has it"
    where = f" in {fit['upstream_commit'][:10]}" if fit["upstream_commit"] else ""
    known = f": {Fit.Evidence.said(fit['evidence'])}" if fit["evidence"] else ""
    return f"{words}{where}{known}."


def _conflicts(paths: Sequence[str]) -> str:
    if not paths:
        return "It conflicts."
    named = ", ".join(clean(path) for path in paths[:NAMED])
    rest = f" and {len(paths) - NAMED} more" if len(paths) > NAMED else ""
    return f"{named}{rest} {'conflicts' if len(paths) == 1 else 'conflict'}."


def summaries_of(
    releases: Sequence[Release], rows: QuerySet[Any], *, without: QuerySet[Any] | None = None
) -> dict[int, dict[str, int]]:
    """Of each release how many of the rows belong to each of PARTS, by its key.

    Where the rows are all of a component but a few, `without` are those few: what is counted by an index is counted
    faster than what is gathered first.
    """
    keys = [release.pk for release in releases]
    there = Standing.objects.filter(release__in=keys).exclude(fit="").order_by()
    told = _told(there.filter(contribution__in=rows.order_by().values("pk")) if without is None else there)
    if without is not None:
        told.subtract(_told(there.filter(contribution__in=without.order_by().values("pk"))))
    return {pk: {part: sum(told[pk, fit] for fit in fits) for part, fits in PARTS.items()} for pk in keys}


def _told(rows: QuerySet[Standing]) -> Counter[tuple[int, str]]:
    counted = rows.values_list("release", "fit").annotate(count=Count("*"))
    return Counter({(release, fit): count for release, fit, count in counted})
