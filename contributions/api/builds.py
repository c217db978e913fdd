"""Builds, and their logs while they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.http import HttpResponse
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema

from contributions.actions.rebuilding import build_again, repeat_build
from contributions.errors import Clash

from .files import PLAIN
from .lookups import build_seen_by, builds_seen_by, narrowed
from .queries import BuildQuery, LogQuery
from .resource import Resource
from .shapes.builds import BuildDetailShape, BuildShape
from .shapes.paged import paged

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.response import Response

LOG_HEADERS = {
    "X-Log-Next-Offset": (int, "Where to go on reading, in bytes."),
    "X-Log-Over": (bool, "“true” when the build has ended and this was the last of it."),
    "X-Log-Attempt": (int, "A build whose worker was lost starts again, and so does its log."),
}


class Builds(Resource):
    @extend_schema(
        operation_id="builds_list", parameters=[BuildQuery], responses=paged(BuildShape), summary="Find builds"
    )
    def get(self, request: Request) -> Response:
        """Newest first; those without a contribution are builds of the bare release."""
        del request
        asked = self.asked(BuildQuery)
        found = narrowed(
            builds_seen_by(self.eyes), asked, release_at="release", contribution_at="revision__contribution"
        )
        return self.listed(BuildShape, found.defer("recipe", "refused"), asked, "-pk")


class OneBuild(Resource):
    @extend_schema(operation_id="builds_show", responses=BuildDetailShape, summary="Show a build")
    def get(self, request: Request, number: int) -> Response:
        """With the recipe it ran and the artifacts it made."""
        del request
        return self.shown(BuildDetailShape, build_seen_by(self.eyes, number))


class BuildLog(Resource):
    @extend_schema(
        operation_id="builds_log",
        parameters=[
            LogQuery,
            *(
                OpenApiParameter(name, kind, OpenApiParameter.HEADER, description=words, response=[200])
                for name, (kind, words) in LOG_HEADERS.items()
            ),
        ],
        responses={(200, "text/plain"): OpenApiResponse(OpenApiTypes.STR, description="The log from there.")},
        summary="Read a build's log",
    )
    def get(self, request: Request, number: int) -> HttpResponse:
        """As the build wrote it, with its colours. While it runs, ask again from X-Log-Next-Offset."""
        del request
        build, offset = build_seen_by(self.eyes, number), self.asked(LogQuery)["offset"]
        over = build.is_over
        text = build.read_log(offset, settings.MAX_LOG_BYTES)
        values = (offset + len(text), "true" if over else "false", build.attempts)
        headers = {name: str(value) for name, value in zip(LOG_HEADERS, values, strict=True)}
        return HttpResponse(text, content_type=PLAIN, headers=headers)


class BuildAgain(Resource):
    @extend_schema(
        operation_id="builds_again",
        request=None,
        responses={201: OpenApiResponse(BuildDetailShape, description="Queued.")},
        summary="Build again",
    )
    def post(self, request: Request, number: int) -> Response:
        """The same revision on the same release; its author, maintainers and staff may."""
        del request
        build = build_seen_by(self.person, number)
        if build.revision is None:
            raise Clash("The bare release is built again by the portal itself when its recipe changes.")
        made = build_again(person=self.person, revision=build.revision, release=build.release)
        return self.shown(BuildDetailShape, made, status=201, at=reverse("api-build", args=[made.pk]))


class Repetition(Resource):
    @extend_schema(
        operation_id="builds_repeat",
        request=None,
        responses={201: OpenApiResponse(BuildDetailShape, description="Queued.")},
        summary="Build again to compare",
    )
    def post(self, request: Request, number: int) -> Response:
        """A passed build once more elsewhere, to see whether the same bytes come out; everybody with an account may."""
        del request
        made = repeat_build(person=self.person, build=build_seen_by(self.person, number))
        return self.shown(BuildDetailShape, made, status=201, at=reverse("api-build", args=[made.pk]))
