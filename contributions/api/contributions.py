"""Contributions: the list, sharing a new one, showing one, withdrawing it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpResponse
from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.response import Response

from contributions.actions.quarantining import quarantine, restore
from contributions.actions.submitting import submit
from contributions.actions.withdrawing import withdraw
from contributions.asking import read
from contributions.errors import Missing
from contributions.models import Contribution
from contributions.models.finding import Search

from . import rows
from .inputs import ContributionInput, ContributionJson, ReasonInput, source_of
from .lookups import component_meant, contribution_seen_by, release_meant, releases_meant
from .paging import page_of
from .parsing import Form, Json, media_type_of
from .queries import ContributionQuery
from .resource import Resource
from .shapes.contributions import ContributionDetailShape, ContributionShape
from .shapes.paged import paged

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rest_framework.request import Request

FORM_FIELDS = 2**20  # bytes for what is in a form besides its file
ONCE = "Idempotency-Key"
ONCE_HEADER = OpenApiParameter(
    ONCE, str, OpenApiParameter.HEADER, description="A key of your own: the same key again makes nothing twice."
)
BODIES = {"multipart/form-data": ContributionInput, "application/json": ContributionJson}


class Uploads(Resource):
    """An address that takes files."""

    parser_classes = (Json, Form)

    @property
    def most_bytes(self) -> int:
        if media_type_of(self.request) == Form.media_type:
            return max(settings.MAX_ARTIFACT_BYTES, settings.MAX_PATCH_BYTES) + FORM_FIELDS
        return super().most_bytes


class Contributions(Uploads):
    is_kept = True

    @extend_schema(
        operation_id="contributions_list",
        parameters=[ContributionQuery],
        responses=paged(ContributionShape),
        summary="Find contributions",
    )
    def get(self, request: Request) -> HttpResponse:
        """What may be seen, newest first unless another order is asked for."""
        asked = self.asked(ContributionQuery)
        among = rows.narrowed(Contribution.objects.visible_to(self.eyes), asked)
        question = read(asked.get("q", ""))
        search = Search(question, self.eyes, order=asked.get("order", ""), usual="newest", among=among)
        releases = rows.Baselines.called(asked["release"], asked.get("component")) if "release" in asked else None
        order = _order(search.keys, on_release=releases is not None)
        with search.in_time():
            found = rows.on_releases(search.ranked, releases) if releases else search.ranked
            written = rows.lines(found, request, on=releases)
            page = page_of(written.values("line", *(name.removeprefix("-") for name in order)), request, asked, *order)
        return _joined(page.with_results([row["line"] for row in page.rows]))

    @extend_schema(
        operation_id="contributions_submit",
        parameters=[ONCE_HEADER],
        request=BODIES,
        responses={201: OpenApiResponse(ContributionDetailShape, description="Shared; the worker receives it next.")},
        summary="Share something",
    )
    def post(self, request: Request) -> Response:
        """Send one of: a patch, a git URL with a ref, an artifact; or, for an experience, a description alone.

        The answer comes at once; `latest.state` tells how receiving it goes.
        """
        sent = self.sent(ContributionInput)
        component = component_meant(sent["component"])
        made = submit(
            author=self.person,
            component=component,
            kind=sent["kind"],
            title=sent["title"],
            description=sent.get("description", ""),
            fixes=sent.get("fixes", ""),
            tests=sent.get("tests", ""),
            licence=sent.get("licence", ""),
            release=release_meant(component, sent.get("release")),
            holds_for=releases_meant(component, sent.get("holds_for", [])),
            source=source_of(sent),
            once=request.headers.get(ONCE, ""),
            hold=sent.get("hold", False),
        )
        where = request.build_absolute_uri(reverse("api-contribution", args=[made.pk]))
        return Response(rows.detail(self.person, made.pk, request), status=201, headers={"Location": where})


def _order(keys: tuple[str, ...], *, on_release: bool) -> tuple[str, ...]:
    return tuple("-here_score" if on_release and name in {"-score", "-score_there"} else name for name in keys)


def _joined(page: Mapping[str, Any]) -> HttpResponse:
    """The page as JSON; its results are JSON already."""
    links = json.dumps({"next": page["next"], "previous": page["previous"]})
    results = ",".join(page["results"])
    return HttpResponse(f'{links[:-1]}, "results": [{results}]}}', content_type="application/json")


class OneContribution(Resource):
    is_kept = True

    @extend_schema(operation_id="contributions_show", responses=ContributionDetailShape, summary="Show a contribution")
    def get(self, request: Request, number: int) -> Response:
        """With where it stands on each supported release."""
        shown = rows.detail(self.eyes, number, request)
        if shown is None:
            raise Missing(f"There is no contribution #{number}, or you may not know of it.")
        return Response(shown)


class Withdrawal(Resource):
    @extend_schema(
        operation_id="contributions_withdraw",
        request=ReasonInput,
        responses=ContributionDetailShape,
        summary="Withdraw a contribution",
    )
    def post(self, request: Request, number: int) -> Response:
        """For good, with all its publications; its author and staff may."""
        contribution = contribution_seen_by(self.person, number)
        withdraw(person=self.person, contribution=contribution, reason=self.sent(ReasonInput)["reason"])
        return Response(rows.detail(self.person, number, request))


class Quarantine(Resource):
    is_sensitive = True

    @extend_schema(
        operation_id="contributions_quarantine",
        request=ReasonInput,
        responses=ContributionDetailShape,
        summary="Put a contribution in quarantine",
    )
    def post(self, request: Request, number: int) -> Response:
        """Out of sight for all but its author, its maintainers and staff, and out of the feed. Staff may."""
        contribution = contribution_seen_by(self.person, number)
        quarantine(person=self.person, contribution=contribution, reason=self.sent(ReasonInput)["reason"])
        return Response(rows.detail(self.person, number, request))


class Restoration(Resource):
    is_sensitive = True

    @extend_schema(
        operation_id="contributions_restore",
        request=ReasonInput,
        responses=ContributionDetailShape,
        summary="Take a contribution out of quarantine",
    )
    def post(self, request: Request, number: int) -> Response:
        """As it was before, and its builds back into the feed. Staff may."""
        contribution = contribution_seen_by(self.person, number)
        restore(person=self.person, contribution=contribution, reason=self.sent(ReasonInput)["reason"])
        return Response(rows.detail(self.person, number, request))
