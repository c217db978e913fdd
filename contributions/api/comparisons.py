"""What changed from one revision to another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import reverse
from drf_spectacular.utils import OpenApiResponse, extend_schema

from contributions.actions.comparing import compare
from contributions.errors import Missing
from contributions.models import Comparison

from .files import blob_response
from .inputs import ComparisonInput
from .lookups import contribution_seen_by
from .queries import PageQuery
from .resource import Resource
from .revisions import BYTES
from .shapes.paged import paged
from .shapes.revisions import ComparisonDetailShape, ComparisonShape

if TYPE_CHECKING:
    from typing import Any

    from django.http import HttpResponseBase
    from rest_framework.request import Request
    from rest_framework.response import Response

    from contributions.models import Contribution

LARGE = tuple(f"{side}__{name}" for side in ("older", "newer") for name in ("commits", "files", "fingerprints", "text"))


class Comparisons(Resource):
    is_kept = True

    @extend_schema(
        operation_id="comparisons_list",
        parameters=[PageQuery],
        responses=paged(ComparisonShape),
        summary="List comparisons of revisions",
    )
    def get(self, request: Request, number: int) -> Response:
        """Each revision is compared with the one before it, and with those that somebody approved."""
        del request
        found = _of(contribution_seen_by(self.eyes, number)).defer("commits", "files", *LARGE)
        return self.listed(ComparisonShape, found, self.asked(PageQuery), "-pk")

    @extend_schema(
        operation_id="comparisons_make",
        request=ComparisonInput,
        responses={
            202: OpenApiResponse(ComparisonDetailShape, description="There already, or a worker makes it next.")
        },
        summary="Have two revisions compared",
    )
    def post(self, request: Request, number: int) -> Response:
        """Any two that were received; asking again changes nothing."""
        del request
        made = compare(
            person=self.person, contribution=contribution_seen_by(self.person, number), **self.sent(ComparisonInput)
        )
        where = reverse("api-comparison", args=[number, made.older.number, made.newer.number])
        return self.shown(ComparisonDetailShape, made, status=202, at=where)


class OneComparison(Resource):
    is_kept = True

    @extend_schema(
        operation_id="comparisons_show", responses=ComparisonDetailShape, summary="Show what changed between revisions"
    )
    def get(self, request: Request, number: int, older: int, newer: int) -> Response:
        """Commit by commit as `git range-diff` tells it, and the files without what only a new base brought."""
        del request
        return self.shown(ComparisonDetailShape, _found(contribution_seen_by(self.eyes, number), older, newer))


class ComparisonDiff(Resource):
    @extend_schema(
        operation_id="comparisons_diff",
        responses=BYTES,
        summary="Download what changed between revisions",
    )
    def get(self, request: Request, number: int, older: int, newer: int) -> HttpResponseBase:
        """From the older revision, laid onto the base of the newer one, to the newer."""
        contribution = contribution_seen_by(self.eyes, number)
        row = _found(contribution, older, newer)
        if row.diff is None:
            raise Missing("No file differs between the two, or they are not compared yet.")
        return blob_response(request, row.diff, f"{number}-v{older}..v{newer}.diff", public=contribution.is_public)


def _of(contribution: Contribution) -> Any:
    return Comparison.objects.filter(newer__contribution=contribution).select_related("older", "newer", "diff")


def _found(contribution: Contribution, older: int, newer: int) -> Comparison:
    rows = _of(contribution).defer(*LARGE)
    found: Comparison | None = rows.filter(older__number=older, newer__number=newer).first()
    if found is None:
        raise Missing(f"v{older} and v{newer} of #{contribution.pk} were not compared; ask for it by POST.")
    return found
