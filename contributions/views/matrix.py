"""The matrix as a picture: what is shared for a component against its releases, or what an organisation carries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import login_required
from django.shortcuts import render
from django.views.decorators.http import require_safe

from contributions.asking import filter_text
from contributions.errors import Invalid, Missing, NotAllowed
from contributions.keeping import kept
from contributions.markup import reveal
from contributions.models import Component, Contribution
from contributions.models.holdings import carries
from contributions.models.picture import PATCHES, cells_of, columns_of, patches_of, summaries_of
from contributions.models.release import usual_among

from .asked import Asked
from .cells import MEANINGS, drawn, written
from .charts import WIDTH
from .entering import person_of
from .organisations import organisation_called
from .paging import Page, page

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django.http import HttpRequest, HttpResponse
    from django.utils.safestring import SafeString

    from contributions.models import Release
    from contributions.models.contribution import ContributionQuerySet
    from contributions.models.picture import Cell

COLUMNS = 20  # releases on a page; further ones are on the next
ROWS = {"": 30, "picture": 100}  # by the view
FIELDS = ("pk", "title", "state", "current_id", "author__username", "author__name", "organisation__name")
WHOSE = {"mine": "is:mine", "ours": "is:ours", "running": "is:running", "carried": "is:carried"}
FITTING = {
    "fits": "applies to",
    "conflicts": "conflicts with",
    "upstream": "is upstream in",
    "builds": "builds on",
}  # filters of the search language that name a release


@dataclass(frozen=True)
class Segment:
    """A part of a column's bar."""

    part: str
    count: int
    start: float
    width: float


@dataclass(frozen=True)
class Column:
    release: Release
    counts: dict[str, int]

    @property
    def bar(self) -> list[Segment]:
        """How many rows fit how, end to end over WIDTH units."""
        total, start, segments = sum(self.counts.values()), 0.0, []
        for part, count in self.counts.items():
            if count:
                width = WIDTH * count / total
                segments.append(Segment(part, count, round(start, 1), round(width, 1)))
                start += width
        return segments

    @property
    def words(self) -> str:
        told = {"applies": "fit", "upstream": "upstream", "conflicts": "conflict", "other": "other", "waiting": "wait"}
        return ", ".join(f"{count} {told[part]}" for part, count in self.counts.items() if count) or "nothing tried"


@require_safe
@kept
def component_matrix(request: HttpRequest, slug: str) -> HttpResponse:
    component = Component.objects.filter(slug=slug).first()
    if component is None:
        raise Missing("There is no such component.")
    among = patches_of(component, request.user)
    hidden = Contribution.objects.hidden_from(request.user).filter(component=component, kind__in=PATCHES)
    context = _matrix(request, component, among, hidden, {}) | {"component": component}
    return render(request, "matrix/component.html", context, status=400 if context["asked"].problem else 200)


@login_required
@require_safe
def organisation_matrix(request: HttpRequest, slug: str) -> HttpResponse:
    """What an organisation carries, one component at a time, for its members."""
    found, person = organisation_called(slug), person_of(request)
    if not found.memberships.filter(person=person).exists():
        raise NotAllowed("Only members see what their organisation carries.")
    carried = Contribution.objects.visible_to(person).filter(carries(found), kind__in=PATCHES)
    components = list(Component.objects.filter(pk__in=carried.order_by().values("component")))
    wanted = request.GET.get("component", "")
    chosen = next(
        (known for known in components if known.slug == wanted), None if wanted else next(iter(components), None)
    )
    if wanted and chosen is None:
        raise Missing("Your organisation carries nothing for a component of that name.")
    context: dict[str, Any] = {"organisation": found, "components": components, "component": chosen}
    if chosen is None:
        return render(request, "matrix/organisation.html", context)
    context |= _matrix(request, chosen, carried.filter(component=chosen), None, {"component": chosen.slug})
    return render(request, "matrix/organisation.html", context, status=400 if context["asked"].problem else 200)


def _matrix(
    request: HttpRequest,
    component: Component,
    among: ContributionQuerySet,
    hidden: ContributionQuerySet | None,
    kept_words: dict[str, str],
) -> dict[str, Any]:
    """What both pages show. `hidden` are the few of the component that the reader may not see."""
    view = "picture" if request.GET.get("view") == "picture" else ""
    kept_words = kept_words | ({"view": view} if view else {})
    asked = Asked(request, given=_given(request), among=among, kept=kept_words)
    columns = columns_of(component)
    part = _part_of(request, columns)
    shown = columns[part * COLUMNS : (part + 1) * COLUMNS]
    found = _found(request, asked, view)
    counted = {} if asked.search is None else _summaries(asked, shown, hidden)
    draw = drawn if view else written
    return {
        "asked": asked,
        "page": found,
        "view": view,
        "kept": kept_words,
        "columns": [Column(release, counted.get(release.pk, {})) for release in shown],
        "rows": _told(found, shown, draw),
        "releases": columns,
        "usual": usual_among(columns),
        "kinds": [(value, Contribution.Kind(value).label) for value in PATCHES],
        "states": Contribution.State.choices,
        "fitting": FITTING,
        "whose": _whose(request),
        "legend": MEANINGS,
        "width": WIDTH,
        "parts": _parts(request, columns, part),
        "other_view": _address(request, view="" if view else "picture"),
    }


def _whose(request: HttpRequest) -> dict[str, str]:
    words = {"mine": "mine", "ours": "my organisation's", "running": "what runs with us", "carried": "what we carry"}
    if not request.user.is_authenticated:
        return {}
    return words if getattr(request.user, "organisation", None) else {"mine": "mine"}


def _given(request: HttpRequest) -> dict[str, str]:
    """The address with what the form's own fields ask for written as filters of the search language."""
    given = {name: request.GET[name] for name in request.GET if name != "component"}
    fitting, on = given.pop("fit", ""), given.pop("on", "").strip()
    more = [filter_text(fitting, on[:100])] if fitting in FITTING and on else []
    more += [WHOSE[word] for word in [given.pop("whose", "")] if word in WHOSE]
    return given | {"q": " ".join(filter(None, [given.get("q", "").strip(), *more]))}


def _found(request: HttpRequest, asked: Asked, view: str) -> Page:
    if asked.search is None:
        return Page([])
    keys = asked.search.keys
    names = dict.fromkeys([*FIELDS, *(key.lstrip("-") for key in keys)])
    try:
        with asked.search.in_time():
            return page(request, asked.search.ranked.values(*names), keys, size=ROWS[view])
    except Invalid as problem:
        asked.problem = problem.sentence
        return Page([])


def _summaries(
    asked: Asked, releases: Sequence[Release], hidden: ContributionQuerySet | None
) -> dict[int, dict[str, int]]:
    """Of all that is found, not of this page alone."""
    if asked.search is None or asked.problem:
        return {}
    try:
        with asked.search.in_time():
            return summaries_of(releases, asked.search.rows, without=None if asked.question.groups else hidden)
    except Invalid:  # the rows are told all the same
        return {}


def _told(found: Page, releases: Sequence[Release], draw: Callable[[Cell], SafeString]) -> list[dict[str, Any]]:
    cells = cells_of({row["pk"]: row["current_id"] for row in found.rows}, releases)
    return [
        {
            "number": str(row["pk"]),
            "title": reveal(row["title"]),
            "state": "" if row["state"] == "open" else row["state"].replace("-", " "),
            "by": reveal(row["organisation__name"] or row["author__name"] or row["author__username"]),
            "cells": [draw(cell) for cell in cells[row["pk"]]],
        }
        for row in found.rows
    ]


def _part_of(request: HttpRequest, columns: Sequence[Release]) -> int:
    """Which releases are asked for, counted in pages of COLUMNS."""
    word = request.GET.get("columns", "0")
    part = int(word) if word.isascii() and word.isdigit() and len(word) < 4 else 0  # noqa: PLR2004 - thousands are none
    return part if part * COLUMNS < len(columns) else 0


def _parts(request: HttpRequest, columns: Sequence[Release], part: int) -> dict[str, str]:
    """The addresses of newer and of older releases, or empty."""
    newer = _address(request, columns=str(part - 1) if part > 1 else "") if part else ""
    older = _address(request, columns=str(part + 1)) if (part + 1) * COLUMNS < len(columns) else ""
    return {"newer": newer, "older": older}


def _address(request: HttpRequest, **changed: str) -> str:
    """The address of the same page with something changed."""
    query = request.GET.copy()
    for name, value in changed.items():
        query.pop(name, None)
        if value:
            query[name] = value
    if "view" in changed:
        query.pop("page", None)
    return f"?{query.urlencode()}"
