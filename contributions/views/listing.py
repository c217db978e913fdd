"""Rows of contributions as every list shows them: one query, plain values, ready to be written out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import F
from django.db.models.functions import Left
from django.utils import timezone

from contributions.markup import reveal
from contributions.models import Fit

from .ages import age
from .marking import excerpt, marked
from .marks import fit_mark
from .paging import Page, page

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString

    from contributions.models import Contribution, Release
    from contributions.models.finding import Search

FIELDS = (
    "pk", "title", "kind", "state", "precedence", "up", "down", "comment_count", "running_count", "fit_count",
    "upstream_count", "release_count", "green_count", "red_count", "score", "activity", "created_at",
    "component__slug", "component__name", "author__username", "author__name", "organisation__name",
    "organisation__slug", "release__name", "upstream_status",
)  # fmt: skip
EXCERPTED = 2000  # characters of a description in which a word that was looked for is shown


def contribution_page(request: HttpRequest, rows: QuerySet[Contribution], order: tuple[str, ...]) -> Page:
    """One page of the rows, each a mapping of FIELDS with what a list says of them."""
    found = page(request, rows.values(*FIELDS, *rows.query.annotations), order)
    now = timezone.now()
    for row in found.rows:
        told(row, now)
    return found


def search_page(request: HttpRequest, search: Search) -> Page:
    """One page of what was found, with the words that were looked for marked."""
    rows = search.ranked
    if search.marks:
        rows = rows.annotate(excerpt=Left("description", EXCERPTED))
    found = contribution_page(request, rows, search.keys)
    for row in found.rows if search.marks else ():
        row["shown_title"] = marked(row["shown_title"], search.marks)
        row["excerpt"] = excerpt(reveal(row["excerpt"]), search.marks)
    return found


def some_rows(rows: QuerySet[Contribution], order: tuple[str, ...], size: int) -> list[dict[str, Any]]:
    """The first rows in an order, without pages."""
    now = timezone.now()
    return [told(row, now) for row in rows.order_by(*order).values(*FIELDS, *rows.query.annotations)[:size]]


def told(row: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Add the words that a list shows; a template that computed them 30 times would cost more than the query."""
    row["number"] = str(row["pk"])  # a template would ask the locale how to write an integer
    row["tally"] = f"+{row['up']} \N{MINUS SIGN}{row['down']}"
    row["running"] = f"{row['running_count']} run it" if row["running_count"] else ""
    row["there"] = _there(row["fit_there"]) if row.get("fit_there") else ""
    row["shown_title"] = reveal(row["title"])
    row["author"] = reveal(row["author__name"] or row["author__username"])
    row["organisation"] = reveal(row["organisation__name"] or "")
    row["state_word"] = row["state"].replace("-", " ")
    row["taken"] = row["upstream_status"] == "applied"
    row["age"] = age(row["created_at"], now)
    row["moment"] = row["created_at"].isoformat(timespec="seconds")
    row["points"] = f"{row.get('score_there', row['score']):.2f}"
    row["fits"] = _fits(row)
    row["builds"] = _builds(row)
    return row


def _there(state: str) -> SafeString:
    return fit_mark(state, words=f"{Fit.WORDS[state]} here")


def _fits(row: Mapping[str, Any]) -> str:
    if not row["release_count"]:
        return ""
    words = f"fits {row['fit_count']} of {row['release_count']}"
    return f"{words}, upstream in {row['upstream_count']}" if row["upstream_count"] else words


def _builds(row: Mapping[str, Any]) -> str:
    if not (row["green_count"] or row["red_count"]):
        return ""
    return f"builds on {row['green_count']} of {row['green_count'] + row['red_count']}"


def on_release(rows: QuerySet[Contribution], release: Release) -> QuerySet[Contribution]:
    """The contributions judged on a release, with how they stand there; those made for it, once it is retired."""
    if not release.is_supported:
        return rows.filter(release=release)
    return rows.filter(standings__release=release).annotate(
        score_there=F("standings__score"), fit_there=F("standings__fit"), build_there=F("standings__build_state")
    )
