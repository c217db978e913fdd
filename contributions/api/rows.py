"""Contributions as JSON written by the database: their list is read far more than anything else."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, FilteredRelation, FloatField, OuterRef, Q, TextField, Value
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce
from django.urls import reverse

from contributions.models import Component, Contribution, Organisation, Person, Release, Revision, Standing, Tag

from .lookups import named

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.db.models import Model, QuerySet
    from rest_framework.request import Request

    from contributions.models.contribution import ContributionQuerySet

    from .lookups import Eyes

STANDING = ("score", "fit", "build_state", "works_count", "broken_count")
COUNTS = (
    *("created_at", "up", "down", "comment_count", "running_count", "release_count", "fit_count", "upstream_count"),
    *("green_count", "red_count", "score"),
)
HERE = f'"{Contribution._meta.db_table}"'


def _own(name: str) -> str:
    return f'{HERE}."{name}"'


def _name(column: str, model: type[Model], key: str) -> str:
    """The name of the thing that a foreign key points to.

    PostgreSQL plans five of these in a quarter of a millisecond; to order the same five joins takes it several.
    """
    table = model._meta.db_table
    return f'(SELECT there."{column}" FROM "{table}" there WHERE there."id" = {_own(key)})'  # noqa: S608 - our own names


COLUMNS = {  # the fields of the shape between its addresses and its standing, and the SQL of each
    "component": _name("slug", Component, "component_id"),
    "kind": _own("kind"),
    "state": _own("state"),
    "title": _own("title"),
    "author": _name("username", Person, "author_id"),
    "organisation": _name("slug", Organisation, "organisation_id"),
    "release": _name("name", Release, "release_id"),
    "revision": _name("number", Revision, "current_id"),
    "licence": f"COALESCE(NULLIF({_own('licence')}, ''), {_name('licence', Component, 'component_id')})",
    **{name: _own(name) for name in COUNTS},
}


def _json_object(pairs: Mapping[str, str]) -> str:
    """PostgreSQL's json_build_object, which keeps the order of its keys."""
    pairs_of_sql = ", ".join(f"'{name}', {sql}" for name, sql in pairs.items())
    return f"json_build_object({pairs_of_sql})"


NUMBER = _own("id")
NO_STANDING = "NULL"
THERE = _json_object({"release": "%s::text"} | {name: f'there."{name}"' for name in STANDING})
STANDING_THERE = (
    f'(SELECT {THERE} FROM "{Standing._meta.db_table}" there'  # noqa: S608 - names of models and columns alone
    f' WHERE there."contribution_id" = {NUMBER} AND there."release_id" = ANY(%s))'
)
ADDRESSES = {"number": NUMBER, "url": f"%s || {NUMBER} || '/'", "page": f"%s || {NUMBER} || '/'"}
LINE = _json_object(ADDRESSES | COLUMNS | {"standing": NO_STANDING}) + "::text"
LINE_ON_RELEASES = _json_object(ADDRESSES | COLUMNS | {"standing": STANDING_THERE}) + "::text"


@dataclass(frozen=True)
class Baselines:
    """Releases of one name, one for each component at most. Only on supported ones does anything stand."""

    name: str
    supported: list[int]
    retired: list[int]

    @classmethod
    def called(cls, word: str, component: str | None) -> Self:
        """The releases of that name or slug; a slug wins."""
        found = Release.objects.filter(component__slug=component) if component else Release.objects.all()
        releases = list(found.filter(named(word)).order_by("pk").only("name", "slug", "state"))
        releases = [release for release in releases if release.slug == word] or releases
        return cls(
            releases[0].name if releases else word,
            [release.pk for release in releases if release.is_supported],
            [release.pk for release in releases if not release.is_supported],
        )


def on_releases(rows: ContributionQuerySet, releases: Baselines) -> ContributionQuerySet:
    """What was judged on the supported ones, or made for the retired ones, with its score there."""
    made_for = Q(release__in=releases.retired)
    if not releases.supported:
        return rows.filter(made_for).annotate(here_score=Value(0.0))
    there = FilteredRelation("standings", condition=Q(standings__release__in=releases.supported))
    judged = Q(here__isnull=False)
    joined = rows.annotate(here=there).filter(judged | made_for if releases.retired else judged)
    return joined.annotate(here_score=Coalesce("here__score", 0.0, output_field=FloatField()))


@functools.cache
def _lists() -> tuple[str, str]:
    """The paths to which a number is added for the address of one, for machines and for people."""
    return reverse("api-contributions"), reverse("contributions")


def lines(seen: ContributionQuerySet, request: Request, *, on: Baselines | None = None) -> QuerySet[Any, Any]:
    """Annotate each row with `line`, its JSON text; `on` are the releases whose standing it tells."""
    bases = [request.build_absolute_uri(path) for path in _lists()]
    sql, values = (LINE_ON_RELEASES, [*bases, on.name, on.supported]) if on else (LINE, bases)
    return seen.annotate(line=RawSQL(sql, values, TextField()))  # noqa: S611 - every value is a parameter


def narrowed(rows: ContributionQuerySet, asked: Mapping[str, Any]) -> ContributionQuerySet:
    if "component" in asked:
        rows = rows.filter(component__slug=asked["component"])
    if "kind" in asked:
        rows = rows.of_kind(asked["kind"])
    if "state" in asked:
        rows = rows.in_state(asked["state"])
    return rows


def detail(eyes: Eyes, number: int, request: Request) -> dict[str, Any] | None:
    """Everything about one contribution; None when these eyes may not see it. Three queries."""
    seen = Contribution.objects.visible_to(eyes).filter(pk=number)
    wanted = (
        "line",
        "kind",
        "is_draft",
        "joined",
        "description",
        "description_html",
        "question_count",
        "current__number",
        "current__mbox",
        "current__diff",
    )
    tags = ArraySubquery(Tag.objects.filter(contributions=OuterRef("pk")).order_by("name").values("name"))
    found = lines(seen, request).values(*wanted, tag_names=tags).first()
    if found is None:
        return None
    shown: dict[str, Any] = json.loads(found["line"])
    del shown["standing"]
    return shown | {
        "description": found["description"],
        "description_html": found["description_html"],
        "is_draft": found["is_draft"],
        "joined": found["joined"],
        "holds_for": _holds_for(number) if found["kind"] == Contribution.Kind.EXPERIENCE else [],
        "question_count": found["question_count"],
        "tags": found["tag_names"],
        "latest": _latest(number, request),
        "standings": _standings(number),
        "links": _links(number, found, request),
    }


def _holds_for(number: int) -> list[str]:
    releases = Release.objects.filter(notes_that_hold=number).order_by("position", "pk")
    return list(releases.values_list("name", flat=True))


def _latest(number: int, request: Request) -> dict[str, Any] | None:
    newest = Revision.objects.own().filter(contribution=number).order_by("-number")
    found = newest.values("number", "state", "sentence").first()
    if found is None:
        return None
    return {**found, "url": request.build_absolute_uri(reverse("api-revision", args=[number, found["number"]]))}


def _standings(number: int) -> list[dict[str, Any]]:
    releases = Release.objects.filter(standings__contribution=number).order_by("-position", "-pk")
    columns = {name: F(f"standings__{name}") for name in (*STANDING, "parts")}
    standings: list[dict[str, Any]] = [dict(row) for row in releases.values(release=F("name"), **columns)]
    return standings


def _links(number: int, found: Mapping[str, Any], request: Request) -> dict[str, Any]:
    lists = ("revisions", "fits", "comments", "reports", "reviews", "checklist", "overlaps")
    paths = {name: reverse(f"api-{name}", args=[number]) for name in lists}
    paths |= {name: f"{reverse(f'api-{name}')}?contribution={number}" for name in ("builds", "publications")}
    links: dict[str, Any] = {name: request.build_absolute_uri(path) for name, path in paths.items()}
    for kind, held in (("patch", found["current__mbox"]), ("diff", found["current__diff"])):
        of = [number, found["current__number"]]
        links[kind] = request.build_absolute_uri(reverse(f"api-revision-{kind}", args=of)) if held else None
    return links
