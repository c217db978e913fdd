"""The matrix of a component, page by page as JSON and whole as CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema

from contributions.asking import gathered
from contributions.models import Contribution
from contributions.models.finding import Search
from contributions.models.picture import PATCHES, cells_of, columns_of, patches_of, states_of, summaries_of
from contributions.spreadsheets import MEDIA_TYPE, written

from .lookups import component_named
from .paging import page_of
from .queries import MatrixQuery, MatrixTableQuery
from .resource import Resource
from .shapes.matrix import MatrixShape

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rest_framework.request import Request
    from rest_framework.response import Response

    from contributions.models import Component, Release
    from contributions.models.picture import Cell

AT_ONCE = 200  # rows whose cells are held while a table is written
COLUMNS = ("pk", "title", "kind", "state", "author__username", "organisation__name")
LONG = ("description", "description_html")


class _Matrix(Resource):
    def _search(self, component: Component, asked: dict[str, Any]) -> Search:
        among = patches_of(component, self.eyes)
        return Search(gathered({name: asked.get(name, "") for name in ("q", "kind", "state")}), self.eyes,
                      order=asked.get("order", ""), among=among)  # fmt: skip


class Matrix(_Matrix):
    is_kept = True

    @extend_schema(
        operation_id="matrix", parameters=[MatrixQuery], responses=MatrixShape, summary="Show a component's matrix"
    )
    def get(self, request: Request, slug: str) -> Response:
        """What is shared for it against its supported releases: how each patch meets each, and how it builds there."""
        component, asked = component_named(slug), self.asked(MatrixQuery)
        search, releases = self._search(component, asked), columns_of(component)
        hidden = Contribution.objects.hidden_from(self.eyes).filter(component=component, kind__in=PATCHES)
        with search.in_time():
            found = page_of(search.ranked.defer(*LONG), request, asked, *search.keys)
            counted = summaries_of(releases, search.rows, without=None if search.question.groups else hidden)
        cells = cells_of({row.pk: row.current_id for row in found.rows}, releases)
        results = [{"row": row, "cells": [_told(cell) for cell in cells[row.pk]]} for row in found.rows]
        columns = [{"release": release, "counts": counted[release.pk]} for release in releases]
        return self.shown(MatrixShape, found.with_results(results) | {"columns": columns})


def _told(cell: Cell) -> dict[str, Any]:
    return {name: getattr(cell, name) for name in cell.__dataclass_fields__} | {"port": cell.port or None}


class MatrixTable(_Matrix):
    @extend_schema(
        operation_id="matrix_table",
        parameters=[MatrixTableQuery],
        responses={(200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, description="A line for each contribution.")},
        summary="Download a component's matrix",
    )
    def get(self, request: Request, slug: str) -> StreamingHttpResponse:
        """All that is found, as one table: two columns for each release, how a patch meets it and how it builds."""
        del request
        component = component_named(slug)
        search, releases = self._search(component, self.asked(MatrixTableQuery)), columns_of(component)
        with search.in_time():
            keys = list(search.ranked.order_by(*search.keys).values_list("pk", flat=True))
        head = ["number", "title", "kind", "state", "author", "organisation"]
        head += [name for release in releases for name in (release.name, f"{release.name} build")]
        answer = StreamingHttpResponse(written(head, _lines(keys, releases)), content_type=MEDIA_TYPE)
        answer["Content-Disposition"] = f'attachment; filename="matrix-{component.slug}.csv"'
        return answer


def _lines(keys: Sequence[int], releases: Sequence[Release]) -> Iterator[list[Any]]:
    for start in range(0, len(keys), AT_ONCE):
        some = keys[start : start + AT_ONCE]
        rows = {row["pk"]: row for row in Contribution.objects.filter(pk__in=some).values(*COLUMNS)}
        states = states_of(some, releases)
        for pk in (pk for pk in some if pk in rows):
            cells = (states.get((pk, release.pk), ("", "")) for release in releases)
            yield [*(rows[pk][name] for name in COLUMNS), *(word for cell in cells for word in cell)]
