"""What an organisation runs, for its members alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drf_spectacular.utils import extend_schema
from rest_framework.permissions import IsAuthenticated

from contributions.actions.vocabulary import set_environment
from contributions.errors import NotAllowed
from contributions.models import ApiToken, Environment

from .inputs import EnvironmentInput
from .lookups import component_named
from .people import organisation_of
from .permissions import HasScope
from .queries import PageQuery
from .resource import Resource
from .shapes.judging import EnvironmentShape
from .shapes.paged import paged

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.response import Response


class Environments(Resource):
    reading_scope = ApiToken.Scope.READ
    permission_classes = (IsAuthenticated, HasScope)

    @extend_schema(
        operation_id="environment_list",
        parameters=[PageQuery],
        responses=paged(EnvironmentShape),
        summary="List what an organisation runs",
    )
    def get(self, request: Request, slug: str) -> Response:
        """Each component with its traits, as the organisation runs it; only its members may ask."""
        del request
        organisation = organisation_of(slug)
        if not organisation.memberships.filter(person=self.person).exists():
            raise NotAllowed("Only members see what their organisation runs.")
        rows = Environment.objects.filter(organisation=organisation).select_related("component")
        return self.listed(EnvironmentShape, rows, self.asked(PageQuery), "pk")


class OneEnvironment(Resource):
    @extend_schema(
        operation_id="environment_set",
        request=EnvironmentInput,
        responses=EnvironmentShape,
        summary="Say what an organisation runs a component on",
    )
    def put(self, request: Request, slug: str, component: str) -> Response:
        """All its traits; its members may."""
        del request
        traits = self.sent(EnvironmentInput)["traits"]
        found, of = component_named(component), organisation_of(slug)
        made = set_environment(person=self.person, organisation=of, component=found, traits=traits)
        return self.shown(EnvironmentShape, made)
