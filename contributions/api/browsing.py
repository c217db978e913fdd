"""Finding contributions by where they touch their component, and by tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from contributions.actions.tagging import tag
from contributions.models import Contribution, Place, Tag

from . import rows
from .inputs import TagsInput
from .lookups import component_named, contribution_seen_by
from .queries import FilesQuery
from .resource import Resource
from .shapes.browsing import FilesShape, TagsShape
from .shapes.contributions import ContributionDetailShape

if TYPE_CHECKING:
    from rest_framework.request import Request

MOST_NAMES = 200
MOST_TAGS_SHOWN = 500


class Files(Resource):
    @extend_schema(
        operation_id="components_files",
        parameters=[FilesQuery],
        responses=FilesShape,
        summary="List what is touched in a folder",
    )
    def get(self, request: Request, slug: str) -> Response:
        """By name, with how many contributions touch each; the list of contributions finds them by `file:`."""
        del request
        component, asked = component_named(slug), self.asked(FilesQuery)
        path = asked.get("path", "").strip("/")
        after = asked.get("after", "")
        steps = Place.objects.steps(component, path, self.eyes, after=after, most=MOST_NAMES + 1)
        more = steps[MOST_NAMES - 1].name if len(steps) > MOST_NAMES else None
        return self.shown(FilesShape, {"path": path, "names": steps[:MOST_NAMES], "next": more})


class Tags(Resource):
    @extend_schema(operation_id="tags_list", responses=TagsShape, summary="List the tags")
    def get(self, request: Request) -> Response:
        """Those that are used most, the most used first."""
        del request
        counted = Tag.objects.counted(MOST_TAGS_SHOWN, without=Contribution.objects.hidden_from(self.eyes))
        return Response({"tags": [{"name": name, "contributions": count} for name, count in counted]})


class ContributionTags(Resource):
    @extend_schema(
        operation_id="contributions_tag",
        request=TagsInput,
        responses=ContributionDetailShape,
        summary="Change the tags of a contribution",
    )
    def put(self, request: Request, number: int) -> Response:
        """These and no others; its author, its maintainers and staff may."""
        contribution = contribution_seen_by(self.person, number)
        tag(person=self.person, contribution=contribution, tags=" ".join(self.sent(TagsInput)["tags"]))
        return Response(rows.detail(self.person, number, request))
