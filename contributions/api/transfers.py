"""Handing a contribution over to a colleague, and taking over what was left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response

from contributions.actions import transferring
from contributions.actions.transferring import UNKNOWN_TRANSFER
from contributions.errors import Missing
from contributions.models import ApiToken, Transfer

from . import rows
from .inputs import TransferInput
from .lookups import contribution_seen_by
from .permissions import HasScope
from .queries import PageQuery
from .resource import Resource
from .shapes.contributions import ContributionDetailShape
from .shapes.paged import paged
from .shapes.people import TransferShape

if TYPE_CHECKING:
    from rest_framework.request import Request


class OwnTransfers(Resource):
    reading_scope = ApiToken.Scope.READ
    permission_classes = (IsAuthenticated, HasScope)

    @extend_schema(
        operation_id="own_transfers_list",
        parameters=[PageQuery],
        responses=paged(TransferShape),
        summary="List what is offered to you",
    )
    def get(self, request: Request) -> Response:
        """Contributions of colleagues whose author you become when you accept."""
        del request
        offered = Transfer.objects.to_be_answered_by(self.person)
        return self.listed(TransferShape, offered, self.asked(PageQuery), "pk")


class Offering(Resource):
    @extend_schema(
        operation_id="contributions_transfer",
        request=TransferInput,
        responses={201: OpenApiResponse(TransferShape, description="Offered; it is yours until they accept.")},
        summary="Hand a contribution over",
    )
    def post(self, request: Request, number: int) -> Response:
        """Its author offers it to another member of the organisation."""
        del request
        contribution, to = contribution_seen_by(self.person, number), self.sent(TransferInput)["to"]
        made = transferring.offer(person=self.person, contribution=contribution, username=to)
        return self.shown(TransferShape, made, status=201)


class _Answer(Resource):
    def offered(self, number: int) -> Transfer:
        contribution = contribution_seen_by(self.person, number)
        found = Transfer.objects.waiting().filter(contribution=contribution).first()
        if found is None:
            raise Missing(UNKNOWN_TRANSFER)
        return found


class Acceptance(_Answer):
    @extend_schema(
        operation_id="contributions_transfer_accept",
        request=None,
        responses=ContributionDetailShape,
        summary="Become the author of what is offered to you",
    )
    def post(self, request: Request, number: int) -> Response:
        """A vote of yours on it goes; you judge it no more."""
        transferring.accept_transfer(person=self.person, transfer=self.offered(number))
        return Response(rows.detail(self.person, number, request))


class Refusal(_Answer):
    @extend_schema(
        operation_id="contributions_transfer_decline",
        request=None,
        responses=TransferShape,
        summary="Decline a transfer, or take it back",
    )
    def post(self, request: Request, number: int) -> Response:
        """Whom it is offered to declines it; who offered it takes it back."""
        del request
        declined = transferring.decline_transfer(person=self.person, transfer=self.offered(number))
        return self.shown(TransferShape, declined)


class TakingOver(Resource):
    @extend_schema(
        operation_id="contributions_take_over",
        request=None,
        responses=ContributionDetailShape,
        summary="Take over what was left behind",
    )
    def post(self, request: Request, number: int) -> Response:
        """Owners of the organisation that it was shared for may, once its author has left that."""
        transferring.take_over(person=self.person, contribution=contribution_seen_by(self.person, number))
        return Response(rows.detail(self.person, number, request))
