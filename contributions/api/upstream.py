"""What became of a contribution upstream, and its patch with a header that says it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.response import Response

from contributions.actions.upstreaming import place
from contributions.errors import Missing
from contributions.models import Download
from contributions.models.heading import header_of
from contributions.patches import with_header

from .inputs import UpstreamInput
from .lookups import contribution_seen_by, revision_seen_by
from .resource import Resource
from .shapes.upstream_status import UpstreamStatusShape

if TYPE_CHECKING:
    from rest_framework.request import Request

    from contributions.models import Contribution

TEXT = {(200, "text/plain"): OpenApiResponse(OpenApiTypes.STR, description="As its status is today.")}


class Upstream(Resource):
    is_kept = True

    @extend_schema(operation_id="upstream_show", responses=UpstreamStatusShape, summary="Show the upstream status")
    def get(self, request: Request, number: int) -> Response:
        """In Yocto's words and DEP-3's fields."""
        del request
        return Response(_told(contribution_seen_by(self.eyes, number)))

    @extend_schema(
        operation_id="upstream_set",
        request=UpstreamInput,
        responses=UpstreamStatusShape,
        summary="Set the upstream status",
    )
    def put(self, request: Request, number: int) -> Response:
        """Its author, maintainers and staff may; `applied` without a link takes what the portal found."""
        del request
        contribution = contribution_seen_by(self.person, number)
        return Response(_told(place(person=self.person, contribution=contribution, **self.sent(UpstreamInput))))


def _told(contribution: Contribution) -> dict[str, Any]:
    revision = contribution.current if contribution.has_patch else None
    return {
        "status": contribution.upstream_status,
        "link": contribution.upstream_link,
        "reason": contribution.upstream_reason,
        "commit": contribution.upstream_commit,
        "header": header_of(contribution, revision) if revision else {},
    }


class HeadedPatch(Resource):
    @extend_schema(
        operation_id="revisions_dep3_patch", responses=TEXT, summary="Download the patch with a DEP-3 header"
    )
    def get(self, request: Request, number: int, revision: int) -> HttpResponse:
        """The mailbox that `git am` takes, with the upstream status in each mail's message."""
        found = revision_seen_by(self.eyes, number, revision)
        if found.mbox is None:
            raise Missing(f"{found.label} has no patch: it was not received as one.")
        content = with_header(found.mbox.read(), header_of(found.contribution, found))
        Download.objects.note(request.user, found.mbox)
        headers = {"Cache-Control": "no-cache", "Content-Disposition": f'inline; filename="{number}-v{revision}.patch"'}
        return HttpResponse(content, content_type="text/plain; charset=utf-8", headers=headers)
