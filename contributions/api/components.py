"""Components and their releases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drf_spectacular.utils import extend_schema

from contributions.models import Component

from .lookups import component_named
from .queries import PageQuery, ReleaseQuery
from .resource import Resource
from .shapes.components import ComponentDetailShape, ComponentShape, ReleaseShape
from .shapes.paged import paged

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.response import Response


class Components(Resource):
    is_kept = True

    @extend_schema(
        operation_id="components_list",
        parameters=[PageQuery],
        responses=paged(ComponentShape),
        summary="List components",
    )
    def get(self, request: Request) -> Response:
        """In the order in which they joined the platform."""
        del request
        return self.listed(ComponentShape, Component.objects.all(), self.asked(PageQuery), "pk")


class OneComponent(Resource):
    is_kept = True

    @extend_schema(operation_id="components_show", responses=ComponentDetailShape, summary="Show a component")
    def get(self, request: Request, slug: str) -> Response:
        """With its maintainers and the recipe that builds it."""
        del request
        return self.shown(ComponentDetailShape, component_named(slug))


class Releases(Resource):
    is_kept = True

    @extend_schema(
        operation_id="releases_list",
        parameters=[ReleaseQuery],
        responses=paged(ReleaseShape),
        summary="List a component's releases",
    )
    def get(self, request: Request, slug: str) -> Response:
        """Newest first, retired ones too."""
        del request
        asked = self.asked(ReleaseQuery)
        found = component_named(slug).releases.select_related("component")
        if "state" in asked:
            found = found.filter(state=asked["state"])
        return self.listed(ReleaseShape, found, asked, "-position", "-pk")
