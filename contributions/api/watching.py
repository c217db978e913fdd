"""How a component's upstream is watched, and what patterns would make of its names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drf_spectacular.utils import extend_schema

from contributions.actions.watching import look_ahead, set_watching
from contributions.errors import Clash
from contributions.models import ApiToken
from contributions.models.watch import watched

from .inputs import PatternsInput, WatchingInput
from .lookups import component_named
from .resource import Resource
from .shapes.watching import ForesightShape, WatchingShape

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.response import Response


class Watching(Resource):
    writing_scope = ApiToken.Scope.REVIEW
    is_sensitive = True
    http_method_names = ["get", "head", "patch"]

    @extend_schema(
        operation_id="watching_show", responses=WatchingShape, summary="Show how a component's upstream is watched"
    )
    def get(self, request: Request, slug: str) -> Response:
        """Which of its names become releases, how often it is pulled, and when next."""
        del request
        return self._told(slug)

    @extend_schema(
        operation_id="watching_set",
        request=WatchingInput,
        responses=WatchingShape,
        summary="Change how a component's upstream is watched",
    )
    def patch(self, request: Request, slug: str) -> Response:
        """What is named; its maintainers and staff may. Other patterns pull it at once; what is a release stays one."""
        del request
        set_watching(person=self.person, component=component_named(slug), watching=self.sent(WatchingInput))
        return self._told(slug)

    def _told(self, slug: str) -> Response:
        [watch] = watched([component_named(slug).pk])
        return self.shown(WatchingShape, watch)


class WatchingForesight(Resource):
    writing_scope = ApiToken.Scope.REVIEW
    http_method_names = ["post"]

    @extend_schema(
        operation_id="watching_preview",
        request=PatternsInput,
        responses=ForesightShape,
        summary="Tell what patterns would make of upstream's names",
    )
    def post(self, request: Request, slug: str) -> Response:
        """For its maintainers and staff; nothing is changed. 409 while upstream was not pulled of late."""
        del request
        component = component_named(slug)
        usual = {"release_pattern": component.release_pattern, "candidate_pattern": component.candidate_pattern}
        found = look_ahead(person=self.person, component=component, **{**usual, **self.sent(PatternsInput)})
        if found is None:
            raise Clash("Upstream's names are not known here yet. Have it pulled, then ask again.")
        return self.shown(ForesightShape, found)
