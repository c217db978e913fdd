"""What an upgrade will cost a stack, or all that an organisation carries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drf_spectacular.utils import extend_schema
from rest_framework.permissions import IsAuthenticated

from contributions.errors import Missing, NotAllowed
from contributions.models import ApiToken, Contribution
from contributions.models.forecasting import (
    chosen_target,
    forecast_of_organisation,
    forecast_of_stack,
    targets_of,
    targets_of_organisation,
)

from .lookups import stack_seen_by
from .people import organisation_of
from .permissions import HasScope
from .queries import ForecastQuery
from .resource import Resource
from .shapes.forecasts import ForecastShape

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.response import Response

NO_TARGET = "There is no supported release to upgrade to, or nothing is carried yet."


class StackForecast(Resource):
    @extend_schema(
        operation_id="stacks_forecast",
        parameters=[ForecastQuery],
        responses=ForecastShape,
        summary="Forecast an upgrade of a stack",
    )
    def get(self, request: Request, number: int) -> Response:
        """To the `release`, or the newest that is newer than the stack's: drop, carry, take the port, or work."""
        del request
        stack = stack_seen_by(self.eyes, number)
        name = self.asked(ForecastQuery).get("release", "")
        release = chosen_target(targets_of(stack.component_id), name, stack.release)
        if release is None:
            raise Missing(NO_TARGET)
        seen = Contribution.objects.visible_to(self.eyes)
        return self.shown(ForecastShape, forecast_of_stack(stack, release, seen))


class OrganisationForecast(Resource):
    reading_scope = ApiToken.Scope.READ
    permission_classes = (IsAuthenticated, HasScope)

    @extend_schema(
        operation_id="organisations_forecast",
        parameters=[ForecastQuery],
        responses=ForecastShape,
        summary="Forecast an upgrade of all that an organisation carries",
    )
    def get(self, request: Request, slug: str) -> Response:
        """What it shares, runs by its reports and has in its stacks, on one release. Only its members may ask."""
        del request
        organisation = organisation_of(slug)
        if not organisation.memberships.filter(person=self.person).exists():
            raise NotAllowed("Only members see what an upgrade will cost their organisation.")
        release = chosen_target(targets_of_organisation(organisation), self.asked(ForecastQuery).get("release", ""))
        if release is None:
            raise Missing(NO_TARGET)
        seen = Contribution.objects.visible_to(self.person)
        return self.shown(ForecastShape, forecast_of_organisation(organisation, release, seen))
