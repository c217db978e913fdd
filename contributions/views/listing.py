"""Rows of contributions as every list shows them: one query, plain values, ready to be written out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import F, Q
from django.utils import timezone

from contributions.errors import Invalid, Missing
from contributions.markup import reveal
from contributions.models import Component, Contribution, Fit, Organisation, Person, Release

from .ages import age
from .paging import Page, page

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from django.db.models import QuerySet
    from django.http import HttpRequest

FIELDS = (
    "pk", "title", "kind", "state", "precedence", "up", "down", "comment_count", "running_count", "fit_count",
    "upstream_count", "release_count", "green_count", "red_count", "score", "activity", "created_at",
    "component__slug", "component__name", "author__username", "author__name", "organisation__name",
    "organisation__slug", "release__name",
)  # fmt: skip
ASKED = ("q", "component", "release", "kind", "state")
FITS: dict[str, str] = dict(Fit.State.choices)
LONGEST_SEARCH = 300  # characters; more words than that find nothing and cost much


def contribution_page(request: HttpRequest, rows: QuerySet[Contribution], order: tuple[str, ...]) -> Page:
    """One page of the rows, each a mapping of FIELDS with what a list says of them."""
    found = page(request, rows.values(*FIELDS, *rows.query.annotations), order)
    now = timezone.now()
    for row in found.rows:
        told(row, now)
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
    row["there"] = f"{FITS[row['fit_there']]} here" if row.get("fit_there") else ""
    row["shown_title"] = reveal(row["title"])
    row["author"] = reveal(row["author__name"] or row["author__username"])
    row["organisation"] = reveal(row["organisation__name"] or "")
    row["state_word"] = row["state"].replace("-", " ")
    row["age"] = age(row["created_at"], now)
    row["moment"] = row["created_at"].isoformat(timespec="seconds")
    row["points"] = f"{row.get('score_there', row['score']):.2f}"
    row["fits"] = _fits(row)
    row["builds"] = _builds(row)
    return row


def _fits(row: Mapping[str, Any]) -> str:
    if not row["release_count"]:
        return ""
    words = f"fits {row['fit_count']} of {row['release_count']}"
    return f"{words}, upstream in {row['upstream_count']}" if row["upstream_count"] else words


def _builds(row: Mapping[str, Any]) -> str:
    if not (row["green_count"] or row["red_count"]):
        return ""
    return f"builds on {row['green_count']} of {row['green_count'] + row['red_count']}"


class Filters:
    """What the address of a list asks for; raises Invalid or Missing for what there is not."""

    def __init__(self, request: HttpRequest) -> None:
        self.asked = {name: request.GET.get(name, "").strip() for name in ASKED}
        self.order = request.GET.get("order", "") or "best"
        self.component = self._named(Component, "component")
        self.release = self._release()
        self.organisation = self._named(Organisation, "organisation", request.GET.get("organisation", ""))
        self.author = self._named(Person, "author", request.GET.get("author", ""), field="username")
        if self.order not in Contribution.ORDERS:
            raise Invalid("The order is one of " + ", ".join(Contribution.ORDERS) + ".")
        if len(self.asked["q"]) > LONGEST_SEARCH:
            raise Invalid(f"Search for {LONGEST_SEARCH} characters at most.")
        for name, choices in (("kind", Contribution.Kind), ("state", Contribution.State)):
            if self.asked[name] and self.asked[name] not in choices.values:
                raise Invalid(f"The {name} is one of " + ", ".join(choices.values) + ".")

    def _named(self, model: Any, name: str, word: str | None = None, *, field: str = "slug") -> Any:
        word = self.asked[name] if word is None else word
        if not word:
            return None
        found = model.objects.filter(**{field: word}).first()
        if found is None:
            raise Missing(f"There is no {name} “{reveal(word[:60])}”.")
        return found

    def _release(self) -> Release | None:
        word = self.asked["release"]
        if not word:
            return None
        by_name = Q(component=self.component, name=word) if self.component else Q(pk=None)
        found = Release.objects.select_related("component").filter(Q(slug=word) | by_name).first()
        if found is None:
            raise Missing(f"There is no release “{reveal(word[:60])}”.")
        return found

    def applied(self, rows: QuerySet[Contribution]) -> QuerySet[Contribution]:
        wanted = {name: self.asked[name] for name in ("kind", "state") if self.asked[name]}
        for name in ("component", "organisation", "author"):
            if getattr(self, name) is not None:
                wanted[name] = getattr(self, name)
        rows = rows.filter(**wanted)
        if self.asked["q"]:
            rows = rows.matching(self.asked["q"])  # type: ignore[attr-defined]
        return on_release(rows, self.release) if self.release else rows

    @property
    def keys(self) -> tuple[str, ...]:
        """The order by which the list is cut; on one release the best are those best there."""
        if self.release and self.release.is_supported and self.order == "best":
            return ("precedence", "-score_there", "-pk")
        return Contribution.ORDERS[self.order]


def on_release(rows: QuerySet[Contribution], release: Release) -> QuerySet[Contribution]:
    """The contributions judged on a release, with how they stand there; those made for it, once it is retired."""
    if not release.is_supported:
        return rows.filter(release=release)
    return rows.filter(standings__release=release).annotate(
        score_there=F("standings__score"), fit_there=F("standings__fit"), build_there=F("standings__build_state")
    )
