"""Revisions of a contribution, and their bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema

from contributions.actions.submitting import revise
from contributions.errors import Missing

from .contributions import ONCE, ONCE_HEADER, Uploads
from .files import blob_response
from .inputs import RevisionInput, RevisionJson, source_of
from .lookups import contribution_seen_by, release_meant, releases_meant, revision_seen_by
from .queries import PageQuery
from .resource import Resource
from .shapes.paged import paged
from .shapes.revisions import RevisionDetailShape, RevisionShape

if TYPE_CHECKING:
    from django.http import HttpResponseBase
    from rest_framework.request import Request
    from rest_framework.response import Response

    from contributions.models import Blob, Revision

BODIES = {"multipart/form-data": RevisionInput, "application/json": RevisionJson}
LARGE = ("text", "html", "commits", "files", "fingerprints", "warnings")
BYTES = {
    (200, "text/plain"): OpenApiResponse(OpenApiTypes.STR, description="The same bytes for ever."),
    304: OpenApiResponse(description="You have these bytes: If-None-Match named their ETag."),
}


class Revisions(Uploads):
    is_kept = True

    @extend_schema(
        operation_id="revisions_list", parameters=[PageQuery], responses=paged(RevisionShape), summary="List revisions"
    )
    def get(self, request: Request, number: int) -> Response:
        """Newest first, refused ones too."""
        del request
        contribution = contribution_seen_by(self.eyes, number)
        found = contribution.revisions.select_related("release", "submitted_by", "claims").defer(*LARGE)
        return self.listed(RevisionShape, found, self.asked(PageQuery), "-number")

    @extend_schema(
        operation_id="revisions_send",
        parameters=[ONCE_HEADER],
        request=BODIES,
        responses={201: OpenApiResponse(RevisionDetailShape, description="Sent; the worker receives it next.")},
        summary="Send a new revision",
    )
    def post(self, request: Request, number: int) -> Response:
        """Of your own contribution; once it is received, approvals of other content are asked for again."""
        contribution = contribution_seen_by(self.person, number)
        sent = self.sent(RevisionInput)
        made = revise(
            author=self.person,
            contribution=contribution,
            source=source_of(sent),
            note=sent.get("note", ""),
            holds_for=releases_meant(contribution.component, sent["holds_for"]) if "holds_for" in sent else None,
            release=release_meant(contribution.component, sent.get("release")),
            once=request.headers.get(ONCE, ""),
        )
        where = reverse("api-revision", args=[number, made.number])
        return self.shown(RevisionDetailShape, made, status=201, at=where)


class OneRevision(Resource):
    is_kept = True

    @extend_schema(operation_id="revisions_show", responses=RevisionDetailShape, summary="Show a revision")
    def get(self, request: Request, number: int, revision: int) -> Response:
        """With its commits and the files that they touch."""
        del request
        return self.shown(RevisionDetailShape, revision_seen_by(self.eyes, number, revision))


class RevisionPatch(Resource):
    @extend_schema(operation_id="revisions_patch", responses=BYTES, summary="Download the patch")
    def get(self, request: Request, number: int, revision: int) -> HttpResponseBase:
        """A mailbox that `git am` takes."""
        found = revision_seen_by(self.eyes, number, revision)
        return blob_response(
            request, _held(found, found.mbox), f"{number}-v{revision}.patch", public=found.contribution.is_public
        )


class RevisionDiff(Resource):
    @extend_schema(operation_id="revisions_diff", responses=BYTES, summary="Download the diff")
    def get(self, request: Request, number: int, revision: int) -> HttpResponseBase:
        """One diff of all its commits, as git writes it."""
        found = revision_seen_by(self.eyes, number, revision)
        return blob_response(
            request, _held(found, found.diff), f"{number}-v{revision}.diff", public=found.contribution.is_public
        )


def _held(revision: Revision, blob: Blob | None) -> Blob:
    if blob is None:
        raise Missing(f"{revision.label} has no patch: it was not received as one.")
    return blob
