"""Organisations, and who the portal takes you for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drf_spectacular.utils import extend_schema
from rest_framework.permissions import IsAuthenticated

from contributions.errors import Missing
from contributions.models import ApiToken, Organisation

from .permissions import HasScope
from .queries import PageQuery
from .resource import Resource
from .shapes.paged import paged
from .shapes.people import MeShape, OrganisationDetailShape, OrganisationShape

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.response import Response


class Organisations(Resource):
    is_kept = True

    @extend_schema(
        operation_id="organisations_list",
        parameters=[PageQuery],
        responses=paged(OrganisationShape),
        summary="List organisations",
    )
    def get(self, request: Request) -> Response:
        """In the order in which they came."""
        del request
        return self.listed(OrganisationShape, Organisation.objects.all(), self.asked(PageQuery), "pk")


class OneOrganisation(Resource):
    is_kept = True

    @extend_schema(operation_id="organisations_show", responses=OrganisationDetailShape, summary="Show an organisation")
    def get(self, request: Request, slug: str) -> Response:
        """With its members."""
        del request
        found = Organisation.objects.prefetch_related("memberships__person").filter(slug=slug).first()
        if found is None:
            raise Missing(f"There is no organisation {slug[:60]!r}.")
        return self.shown(OrganisationDetailShape, found)


class Me(Resource):
    reading_scope = ApiToken.Scope.READ
    permission_classes = (IsAuthenticated, HasScope)

    @extend_schema(operation_id="me", responses=MeShape, summary="Show who you are")
    def get(self, request: Request) -> Response:
        """Your account, what you belong to and maintain, and what your token may do."""
        del request
        return self.shown(MeShape, self.person)
