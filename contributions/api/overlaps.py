"""What overlaps with a contribution; making a draft public, or joining another one instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from contributions.actions.joining import join
from contributions.actions.sharing import share
from contributions.errors import Invalid
from contributions.models import Contribution
from contributions.models.overlapping import overlaps_of

from . import rows
from .inputs import JoinInput
from .lookups import contribution_seen_by
from .resource import Resource
from .shapes.contributions import ContributionDetailShape
from .shapes.overlaps import OverlapsShape

if TYPE_CHECKING:
    from rest_framework.request import Request


class ContributionOverlaps(Resource):
    @extend_schema(operation_id="contributions_overlaps", responses=OverlapsShape, summary="Show what overlaps")
    def get(self, request: Request, number: int) -> Response:
        """The likest first; how many others touch its files; and the releases that have it already."""
        del request
        return self.shown(OverlapsShape, overlaps_of(contribution_seen_by(self.eyes, number), self.eyes))


class Sharing(Resource):
    @extend_schema(
        operation_id="contributions_share",
        request=None,
        responses=ContributionDetailShape,
        summary="Make a draft public",
    )
    def post(self, request: Request, number: int) -> Response:
        """All the same, whatever it overlaps with; its author may."""
        share(person=self.person, contribution=contribution_seen_by(self.person, number))
        return Response(rows.detail(self.person, number, request))


class Joining(Resource):
    @extend_schema(
        operation_id="contributions_join",
        request=JoinInput,
        responses=ContributionDetailShape,
        summary="Join another contribution instead",
    )
    def post(self, request: Request, number: int) -> Response:
        """Yours is withdrawn and points to the other one, which you follow and vote for; its author may."""
        contribution, sent = contribution_seen_by(self.person, number), self.sent(JoinInput)
        into = Contribution.objects.visible_to(self.person).filter(pk=sent["into"]).first()
        if into is None:
            raise Invalid(f"There is no contribution #{sent['into']} to join.", field="into")
        join(person=self.person, contribution=contribution, into=into, text=sent.get("text", ""))
        return Response(rows.detail(self.person, number, request))
