"""Pages by key: a cursor names the last row seen, so a page costs the same at any depth and no row is shown twice.

The cursor is base64 of JSON: the order it belongs to, whether it goes backward, and the ordered columns of that row.
"""

from __future__ import annotations

import base64
import json
import math
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

from django.db.models import Model, Q, QuerySet
from rest_framework.utils.urls import replace_query_param

from contributions.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rest_framework.request import Request

AnyModel = TypeVar("AnyModel", bound=Model)
USUAL_SIZE, LARGEST_SIZE = 30, 100
LONGEST_CURSOR = 500


@dataclass(frozen=True)
class Cursor:
    order: tuple[str, ...]
    backward: bool
    place: tuple[float, ...]

    @classmethod
    def read(cls, text: str, order: tuple[str, ...]) -> Cursor:
        """Raises Invalid for anything that this order did not write."""
        try:
            data = json.loads(base64.urlsafe_b64decode(text.encode("ascii") + b"=="))
            named, backward, place = data
            known = named == ",".join(order) and isinstance(backward, bool) and len(place) == len(order)
            if known and all(_is_plain_number(value) for value in place):
                return cls(order, backward, tuple(place))
        except (ValueError, TypeError, OverflowError, RecursionError):
            pass
        raise Invalid("This cursor is not one that the portal gave for this list.", field="cursor")

    def written(self) -> str:
        data = json.dumps([",".join(self.order), self.backward, self.place], separators=(",", ":"))
        return base64.urlsafe_b64encode(data.encode()).decode().rstrip("=")

    def beyond(self) -> Q:
        """The rows that come after the place in the direction of travel.

        The first column's bound stands as a condition of its own too: an index starts its scan there.
        """
        first, start = self.order[0], self.place[0]
        falls = first.startswith("-") != self.backward
        bound = Q(**{f"{first.removeprefix('-')}__{'lte' if falls else 'gte'}": start})
        found, same = Q(), Q()
        for name, value in zip(self.order, self.place, strict=True):
            column, falls = name.removeprefix("-"), name.startswith("-") != self.backward
            found |= same & Q(**{f"{column}__{'lt' if falls else 'gt'}": value})
            same &= Q(**{column: value})
        return bound & found


def _is_plain_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


@dataclass(frozen=True)
class Page:
    rows: list[Any]
    next: str | None
    previous: str | None

    def with_results(self, results: Sequence[Any]) -> dict[str, Any]:
        return {"next": self.next, "previous": self.previous, "results": results}


def page_of(queryset: QuerySet[AnyModel, Any], request: Request, asked: Mapping[str, Any], *order: str) -> Page:
    """The asked page of `queryset` in `order`, whose columns must be numbers and together unique. One query."""
    cursor = Cursor.read(asked["cursor"], order) if asked.get("cursor") else None
    size = min(asked.get("page_size", USUAL_SIZE), LARGEST_SIZE)
    backward = cursor is not None and cursor.backward
    found = queryset.filter(cursor.beyond()) if cursor else queryset
    rows: list[Any] = list(found.order_by(*(_turned(order) if backward else order))[: size + 1])
    more, rows = len(rows) > size, rows[:size]
    if backward:
        rows.reverse()
    ahead = more or backward
    behind = more if backward else cursor is not None
    return Page(
        rows,
        _link(request, order, rows[-1], backward=False) if rows and ahead else None,
        _link(request, order, rows[0], backward=True) if rows and behind else None,
    )


def _turned(order: Sequence[str]) -> list[str]:
    return [name.removeprefix("-") if name.startswith("-") else f"-{name}" for name in order]


def _link(request: Request, order: tuple[str, ...], row: Any, *, backward: bool) -> str:
    cursor = Cursor(order, backward, tuple(_value(row, name.removeprefix("-")) for name in order))
    return replace_query_param(request.build_absolute_uri(), "cursor", cursor.written())


def _value(row: Any, column: str) -> float:
    found: float = row[column] if isinstance(row, dict) else attrgetter(column.replace("__", "."))(row)
    return found
