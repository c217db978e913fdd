"""What an organisation's members look at, in one answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drf_spectacular.utils import extend_schema
from rest_framework.permissions import IsAuthenticated

from contributions.errors import NotAllowed
from contributions.models import ApiToken
from contributions.models.dashboard import ORDERS, Dashboard

from .people import organisation_of
from .permissions import HasScope
from .resource import Resource
from .shapes.dashboards import DashboardShape

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.response import Response

MOST = 100  # rows of each list


class OneDashboard(Resource):
    reading_scope = ApiToken.Scope.READ
    permission_classes = (IsAuthenticated, HasScope)

    @extend_schema(operation_id="dashboard", responses=DashboardShape, summary="Show an organisation's dashboard")
    def get(self, request: Request, slug: str) -> Response:
        """What it runs and shared, what was recalled of it, and what waits for it: at most 100 of each.

        Only its members may ask.
        """
        del request
        organisation = organisation_of(slug)
        if not organisation.memberships.filter(person=self.person).exists():
            raise NotAllowed("Only members see the dashboard of their organisation.")
        board = Dashboard(organisation, self.person)
        found = {name: list(board.rows(name)[: MOST + 1]) for name in ORDERS}
        more = [name for name, rows in found.items() if len(rows) > MOST]
        return self.shown(DashboardShape, {**{name: rows[:MOST] for name, rows in found.items()}, "more": more})
