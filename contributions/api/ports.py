"""Ports of a contribution: the list, proposing one, taking one back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import reverse
from drf_spectacular.utils import OpenApiResponse, extend_schema

from contributions.actions.porting import propose_port, take_offer, withdraw_port
from contributions.actions.reconciling import propose_settled
from contributions.errors import Invalid, Missing

from .contributions import ONCE, ONCE_HEADER, Uploads
from .inputs import PortInput, PortJson, ReasonInput, source_of
from .lookups import contribution_seen_by, release_meant, revision_seen_by
from .queries import PageQuery
from .resource import Resource
from .shapes.paged import paged
from .shapes.revisions import PortShape

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.response import Response

    from contributions.models import Revision

BODIES = {"multipart/form-data": PortInput, "application/json": PortJson}
LARGE = ("text", "html", "commits", "files", "fingerprints", "warnings")


class Ports(Uploads):
    is_kept = True

    @extend_schema(operation_id="ports_list", parameters=[PageQuery], responses=paged(PortShape), summary="List ports")
    def get(self, request: Request, number: int) -> Response:
        """Newest first: refused, outdated and withdrawn ones too."""
        del request
        contribution = contribution_seen_by(self.eyes, number)
        rows = contribution.revisions.filter(ports__isnull=False)
        found = rows.select_related("release", "submitted_by", "claims", "ports", "contribution__current").defer(*LARGE)
        return self.listed(PortShape, found, self.asked(PageQuery), "-number")

    @extend_schema(
        operation_id="ports_propose",
        parameters=[ONCE_HEADER],
        request=BODIES,
        responses={201: OpenApiResponse(PortShape, description="Sent; the worker receives it next.")},
        summary="Propose a port",
    )
    def post(self, request: Request, number: int) -> Response:
        """Whoever may comment may send one: a patch, a git URL with a ref, what the portal offers, or what you settled.

        It must apply to the release exactly, and stands there beside the current revision, which stays as it is.
        """
        contribution = contribution_seen_by(self.person, number)
        sent = self.sent(PortInput)
        release = release_meant(contribution.component, sent["release"])
        if release is None:
            raise Invalid("Name the release that it is a port to.", field="release")
        given = {"person": self.person, "contribution": contribution, "release": release, "note": sent.get("note", "")}
        if sent.get("settled"):
            made = propose_settled(**given)
        elif sent.get("offered"):
            made = take_offer(**given)
        else:
            made = propose_port(**given, source=source_of(sent), once=request.headers.get(ONCE, ""))
        where = reverse("api-revision", args=[number, made.number])
        return self.shown(PortShape, made, status=201, at=where)


class PortWithdrawal(Resource):
    @extend_schema(operation_id="ports_withdraw", request=ReasonInput, responses=PortShape, summary="Take a port back")
    def post(self, request: Request, number: int, revision: int) -> Response:
        """Whoever sent it, the contribution's author, maintainers and staff may; what is published of it goes too."""
        del request
        found: Revision = revision_seen_by(self.person, number, revision)
        if not found.is_port:
            raise Missing(f"v{revision} of #{number} is no port.")
        return self.shown(
            PortShape, withdraw_port(person=self.person, port=found, reason=self.sent(ReasonInput)["reason"])
        )
