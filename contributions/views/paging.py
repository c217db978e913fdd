"""Long lists, cut by key: each page is one query that begins where the last one ended, however deep it lies."""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Q

from contributions.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet
    from django.http import HttpRequest

SIZE = 30
LONGEST_CURSOR = 400  # characters; ours have fewer than a hundred
STALE = "This address does not point into the list any more. Begin at its first page."


@dataclass(frozen=True)
class Page:
    """Some rows of a list; `older` and `newer` are the addresses of the next pages, or empty."""

    rows: list[Any]
    older: str = ""
    newer: str = ""

    def __bool__(self) -> bool:
        return bool(self.rows)


def page(
    request: HttpRequest, rows: QuerySet[Any], order: Sequence[str], *, size: int = SIZE, name: str = "page"
) -> Page:
    """Return the page that `?page=` asks for, or `?name=` where one address has several lists.

    `order` names fields that hold numbers, as `order_by` does; the last one is unique. Raises Invalid for a cursor
    that is not one of this list's.
    """
    cursor = request.GET.get(name, "")
    backwards, start = _read(cursor, len(order)) if cursor else (False, None)
    directed = [_turned(name) for name in order] if backwards else list(order)
    if start is not None:
        rows = rows.filter(_beyond(directed, start))
    found = list(rows.order_by(*directed)[: size + 1])
    more, found = len(found) > size, found[:size]
    if backwards:
        found.reverse()
    if not found:
        return Page([], newer=_address(request, name, "") if cursor else "")
    older = _address(request, name, _write(found[-1], order, backwards=False)) if more or backwards else ""
    newer = _address(request, name, _write(found[0], order, backwards=True)) if (more if backwards else cursor) else ""
    return Page(found, older, newer)


def address_of(request: HttpRequest, rows: QuerySet[Any], order: Sequence[str], row: Any, *, size: int = SIZE) -> str:
    """The query string of a page that begins with the row; empty when the first page holds it."""
    turned = [_turned(name) for name in order]
    start = [_key(row, name.lstrip("-")) for name in order]
    before = list(rows.filter(_beyond(turned, start)).order_by(*turned)[:size])
    return _address(request, "page", _write(before[0], order, backwards=False)) if len(before) == size else ""


def _key(row: Any, field: str) -> Any:
    return row[field] if isinstance(row, Mapping) else getattr(row, field)


def _turned(name: str) -> str:
    return name[1:] if name.startswith("-") else f"-{name}"


def _beyond(order: Sequence[str], start: Sequence[Any]) -> Q:
    """The rows that come after `start`: later by the first key, or equal there and later by the rest.

    The first key's bound is said once more for all of it, which is what lets the database use the index.
    """
    name, value = order[0], start[0]
    field, side = (name[1:], "lt") if name.startswith("-") else (name, "gt")
    later = Q(**{f"{field}__{side}": value})
    if len(order) == 1:
        return later
    bound = Q(**{f"{field}__{side}e": value})
    return bound & (later | Q(**{field: value}) & _beyond(order[1:], start[1:]))


def _write(row: Any, order: Sequence[str], *, backwards: bool) -> str:
    values = [_key(row, name.lstrip("-")) for name in order]
    text = json.dumps([int(backwards), *values], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read(cursor: str, keys: int) -> tuple[bool, list[Any]]:
    try:
        text = base64.urlsafe_b64decode(cursor[:LONGEST_CURSOR] + "=" * (-len(cursor) % 4))
        backwards, *start = json.loads(text)
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise Invalid(STALE) from None
    if len(start) != keys or backwards not in (0, 1) or not all(_is_key(value) for value in start):
        raise Invalid(STALE)
    return bool(backwards), start


def _is_key(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(value) and abs(value) < 2**63


def _address(request: HttpRequest, name: str, cursor: str) -> str:
    query = request.GET.copy()
    query.pop(name, None)
    if cursor:
        query[name] = cursor
    return f"?{query.urlencode()}" + ("" if name == "page" else f"#{name}")
