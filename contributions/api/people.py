"""Organisations, and who the portal takes you for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.permissions import IsAuthenticated

from contributions.actions import introducing, inviting, organising
from contributions.errors import Missing, NotAllowed
from contributions.models import ApiToken, Invitation, Organisation
from contributions.models.invitation import UNKNOWN_INVITATION

from .inputs import InvitationInput, MeInput, OrganisationInput, RoleInput
from .permissions import HasScope
from .queries import PageQuery
from .resource import Resource
from .shapes.paged import paged
from .shapes.people import InvitationShape, MeShape, OrganisationDetailShape, OrganisationShape

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.response import Response


INVITATIONS = paged(InvitationShape)


def organisation_of(slug: str) -> Organisation:
    """With its members; raises Missing."""
    found = Organisation.objects.prefetch_related("memberships__person").filter(slug=slug).first()
    if found is None:
        raise Missing(f"There is no organisation {slug[:60]!r}.")
    return found


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
    http_method_names = ["get", "head", "patch"]

    @extend_schema(operation_id="organisations_show", responses=OrganisationDetailShape, summary="Show an organisation")
    def get(self, request: Request, slug: str) -> Response:
        """With its members."""
        del request
        return self.shown(OrganisationDetailShape, organisation_of(slug))

    @extend_schema(
        operation_id="organisations_describe",
        request=OrganisationInput,
        responses=OrganisationDetailShape,
        summary="Change what is told of an organisation",
    )
    def patch(self, request: Request, slug: str) -> Response:
        """What is named; its owners may. Reports keep the sector that they were given with."""
        del request
        organising.describe(person=self.person, organisation=organisation_of(slug), **self.sent(OrganisationInput))
        return self.shown(OrganisationDetailShape, organisation_of(slug))


class Me(Resource):
    http_method_names = ["get", "head", "patch"]
    reading_scope = ApiToken.Scope.READ
    permission_classes = (IsAuthenticated, HasScope)

    @extend_schema(operation_id="me", responses=MeShape, summary="Show who you are")
    def get(self, request: Request) -> Response:
        """Your account, what you belong to and maintain, and what your token may do."""
        del request
        return self.shown(MeShape, self.person)

    @extend_schema(
        operation_id="me_change", request=MeInput, responses=MeShape, summary="Change what you say of yourself"
    )
    def patch(self, request: Request) -> Response:
        """What is left out stays as it is."""
        del request
        return self.shown(MeShape, introducing.introduce(person=self.person, **self.sent(MeInput)))


class Invitations(Resource):
    """Those of an organisation, for its owners."""

    permission_classes = (IsAuthenticated, HasScope)

    @extend_schema(
        operation_id="invitations_list",
        parameters=[PageQuery],
        responses=INVITATIONS,
        summary="List an organisation's open invitations",
    )
    def get(self, request: Request, slug: str) -> Response:
        """For its owners."""
        del request
        found = organisation_of(slug)
        if not found.may_be_run_by(self.person):
            raise NotAllowed("Only an owner of the organisation sees its invitations.")
        rows = found.invitations.waiting().select_related("organisation", "person", "invited_by")
        return self.listed(InvitationShape, rows, self.asked(PageQuery), "pk")

    @extend_schema(
        operation_id="invitations_make",
        request=InvitationInput,
        responses={201: OpenApiResponse(InvitationShape, description="Invited; a letter is on its way.")},
        summary="Invite somebody into an organisation",
    )
    def post(self, request: Request, slug: str) -> Response:
        """By account or by mail address; they belong to it once they accept. Owners may."""
        del request
        made = inviting.invite(person=self.person, organisation=organisation_of(slug), **self.sent(InvitationInput))
        return self.shown(InvitationShape, made, status=201)


class InvitationRevocation(Resource):
    @extend_schema(
        operation_id="invitations_revoke", request=None, responses=InvitationShape, summary="Take an invitation back"
    )
    def post(self, request: Request, slug: str, number: int) -> Response:
        """Its link leads nowhere from then on. Owners may."""
        del request
        found = organisation_of(slug)
        invitation = found.invitations.filter(pk=number).first() if found.may_be_run_by(self.person) else None
        if invitation is None:
            raise Missing(UNKNOWN_INVITATION)
        return self.shown(InvitationShape, inviting.revoke_invitation(person=self.person, invitation=invitation))


class OwnInvitations(Resource):
    reading_scope = ApiToken.Scope.READ
    permission_classes = (IsAuthenticated, HasScope)

    @extend_schema(
        operation_id="own_invitations_list",
        parameters=[PageQuery],
        responses=INVITATIONS,
        summary="List the invitations that name your account",
    )
    def get(self, request: Request) -> Response:
        """Those that can be accepted."""
        del request
        return self.listed(InvitationShape, Invitation.objects.naming(self.person), self.asked(PageQuery), "pk")


class _Answer(Resource):
    def named(self, number: int) -> Invitation:
        found = Invitation.objects.naming(self.person).filter(pk=number).first()
        if found is None:
            raise Missing(UNKNOWN_INVITATION)
        return found


class InvitationAcceptance(_Answer):
    @extend_schema(
        operation_id="own_invitations_accept", request=None, responses=InvitationShape, summary="Accept an invitation"
    )
    def post(self, request: Request, number: int) -> Response:
        """You speak for the organisation from then on."""
        del request
        found = self.named(number)
        inviting.accept_invitation(person=self.person, invitation=found)
        return self.shown(InvitationShape, found)


class InvitationRefusal(_Answer):
    @extend_schema(
        operation_id="own_invitations_decline", request=None, responses=InvitationShape, summary="Decline an invitation"
    )
    def post(self, request: Request, number: int) -> Response:
        """Its owners may invite you again."""
        del request
        return self.shown(
            InvitationShape, inviting.decline_invitation(person=self.person, invitation=self.named(number))
        )


class MemberRole(Resource):
    @extend_schema(
        operation_id="members_set_role", request=RoleInput, responses=OrganisationDetailShape, summary="Change a role"
    )
    def put(self, request: Request, slug: str, username: str) -> Response:
        """Owners make members owners and owners members; the last owner stays one."""
        del request
        found = organisation_of(slug)
        organising.set_role(person=self.person, organisation=found, username=username, **self.sent(RoleInput))
        return self.shown(OrganisationDetailShape, organisation_of(slug))


class MemberRemoval(Resource):
    @extend_schema(
        operation_id="members_remove", request=None, responses=OrganisationDetailShape, summary="Remove a member"
    )
    def post(self, request: Request, slug: str, username: str) -> Response:
        """Owners remove anyone; everyone may leave. The last owner stays."""
        del request
        organising.remove_member(person=self.person, organisation=organisation_of(slug), username=username)
        return self.shown(OrganisationDetailShape, organisation_of(slug))


class Speaking(Resource):
    @extend_schema(
        operation_id="organisations_speak_for", request=None, responses=MeShape, summary="Choose whom you speak for"
    )
    def post(self, request: Request, slug: str) -> Response:
        """One of the organisations that you belong to is named beside what you say from now on."""
        del request
        organising.speak_for(person=self.person, organisation=organisation_of(slug))
        return self.shown(MeShape, self.person)
