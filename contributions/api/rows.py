"""Contributions as JSON written by the database: their list is read far more than anything else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.db.models import (
    Case,
    CharField,
    F,
    FilteredRelation,
    FloatField,
    Func,
    JSONField,
    Q,
    TextField,
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce, Concat
from django.urls import reverse

from contributions.models import Contribution, Release, Revision

from .lookups import named

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.db.models import QuerySet
    from django.db.models.expressions import Combinable
    from rest_framework.request import Request

    from contributions.models.contribution import ContributionQuerySet

    from .lookups import Eyes

STANDING = ("score", "fit", "build_state", "works_count", "broken_count")
COLUMNS = {  # the fields of the shape between its addresses and its standing, and where each comes from
    "component": "component__slug",
    "kind": "kind",
    "state": "state",
    "title": "title",
    "author": "author__username",
    "organisation": "organisation__slug",
    "release": "release__name",
    "revision": "current__number",
    "created_at": "created_at",
    "up": "up",
    "down": "down",
    "comment_count": "comment_count",
    "running_count": "running_count",
    "release_count": "release_count",
    "fit_count": "fit_count",
    "upstream_count": "upstream_count",
    "green_count": "green_count",
    "red_count": "red_count",
    "score": "score",
}


class JsonObject(Func):
    """PostgreSQL's json_build_object, which keeps the order of its keys as Django's own JSONObject does not."""

    function = "JSON_BUILD_OBJECT"
    output_field = JSONField()

    def __init__(self, **pairs: Combinable | str) -> None:
        super().__init__(*(part for name, value in pairs.items() for part in (Value(name), value)))


def lines(seen: ContributionQuerySet, request: Request, *, on: str = "") -> QuerySet[Any, Any]:
    """Annotate each row with `line`, its JSON text; `on` names the release where `on_releases` has looked."""
    here = _standing(on) if on else Value(None, output_field=JSONField())
    row = JsonObject(
        number=F("pk"),
        url=_address(request, "api-contribution"),
        page=_address(request, "contribution"),
        **{name: F(path) for name, path in COLUMNS.items()},
        standing=here,
    )
    return seen.annotate(line=Cast(row, TextField()))


def _address(request: Request, name: str) -> Concat:
    before, _, after = request.build_absolute_uri(reverse(name, args=[0])).rpartition("0")
    return Concat(Value(before), Cast("pk", CharField()), Value(after), output_field=CharField())


def _standing(release: str) -> Case:
    pairs = {name: F(f"here__{name}") for name in STANDING}
    there = JsonObject(release=Value(release), **pairs)
    return Case(When(here__isnull=False, then=there), default=None, output_field=JSONField())


def releases_called(word: str, component: str | None) -> tuple[str, list[int]]:
    """The name that the releases of that name or slug share, and their keys: one for each component at most."""
    found = Release.objects.filter(component__slug=component) if component else Release.objects.all()
    rows = list(found.filter(named(word)).order_by("pk").values_list("pk", "name", "slug"))
    rows = [row for row in rows if row[2] == word] or rows
    return (rows[0][1] if rows else word), [row[0] for row in rows]


def on_releases(rows: ContributionQuerySet, releases: list[int]) -> ContributionQuerySet:
    """What was judged on these releases or made for them, with where it stands there."""
    there = FilteredRelation("standings", condition=Q(standings__release__in=releases))
    joined = rows.annotate(here=there).filter(Q(here__isnull=False) | Q(release__in=releases))
    return joined.annotate(here_score=Coalesce("here__score", 0.0, output_field=FloatField()))


def narrowed(rows: ContributionQuerySet, asked: Mapping[str, Any]) -> ContributionQuerySet:
    if "component" in asked:
        rows = rows.filter(component__slug=asked["component"])
    if "kind" in asked:
        rows = rows.of_kind(asked["kind"])
    if "state" in asked:
        rows = rows.in_state(asked["state"])
    if "q" in asked:
        rows = rows.matching(asked["q"])
    return rows


def detail(eyes: Eyes, number: int, request: Request) -> dict[str, Any] | None:
    """Everything about one contribution; None when these eyes may not see it. Three queries."""
    seen = Contribution.objects.visible_to(eyes).filter(pk=number)
    wanted = ("line", "description", "description_html", "current__number", "current__mbox", "current__diff")
    found = lines(seen, request).values(*wanted).first()
    if found is None:
        return None
    shown: dict[str, Any] = json.loads(found["line"])
    del shown["standing"]
    return shown | {
        "description": found["description"],
        "description_html": found["description_html"],
        "latest": _latest(number, request),
        "standings": _standings(number),
        "links": _links(number, found, request),
    }


def _latest(number: int, request: Request) -> dict[str, Any] | None:
    newest = Revision.objects.filter(contribution=number).order_by("-number")
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
    lists = ("revisions", "fits", "comments", "reports", "reviews")
    paths = {name: reverse(f"api-{name}", args=[number]) for name in lists}
    paths |= {name: f"{reverse(f'api-{name}')}?contribution={number}" for name in ("builds", "publications")}
    links: dict[str, Any] = {name: request.build_absolute_uri(path) for name, path in paths.items()}
    for kind, held in (("patch", found["current__mbox"]), ("diff", found["current__diff"])):
        of = [number, found["current__number"]]
        links[kind] = request.build_absolute_uri(reverse(f"api-revision-{kind}", args=of)) if held else None
    return links
