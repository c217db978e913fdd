"""Forks: given to be taken apart, watched, and gone through patch by patch. Members of the organisation alone ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.urls import reverse
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.permissions import IsAuthenticated

from contributions.actions import unmasking
from contributions.actions.trying_again import try_fork_again
from contributions.errors import Missing
from contributions.models import ApiToken, Carried, Fork

from .contributions import FORM_FIELDS, ONCE, ONCE_HEADER
from .inputs import ForkInput, ForkJson, ForkTitleInput, PublishInput
from .lookups import component_meant
from .parsing import Form, Json, media_type_of
from .permissions import HasScope
from .queries import CarriedQuery, PageQuery
from .resource import Resource
from .shapes.forks import AskedShape, CarriedShape, ForkDetailShape, ForkShape
from .shapes.paged import paged

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.response import Response

UNKNOWN = "There is no such fork, or you may not know of it."
BODIES = {"multipart/form-data": ForkInput, "application/json": ForkJson}


class Private(Resource):
    reading_scope = ApiToken.Scope.READ
    permission_classes = (IsAuthenticated, HasScope)

    def fork(self, number: int) -> Fork:
        rows = Fork.objects.visible_to(self.person).select_related("component", "organisation", "author", "release")
        found: Fork | None = rows.filter(pk=number).first()
        if found is None:
            raise Missing(UNKNOWN)
        return found

    def patch(self, number: int, position: int) -> Carried:
        rows = self.fork(number).carried.with_receipt().select_related("fork__component", "contribution")
        found = rows.filter(position=position).first()
        if found is None:
            raise Missing("The fork has no such patch.")
        return found


class Forks(Private):
    parser_classes = (Json, Form)

    @property
    def most_bytes(self) -> int:
        is_form = media_type_of(self.request) == Form.media_type
        return settings.MAX_FORK_BYTES + FORM_FIELDS if is_form else super().most_bytes

    @extend_schema(operation_id="forks_list", parameters=[PageQuery], responses=paged(ForkShape), summary="List forks")
    def get(self, request: Request) -> Response:
        """Those of your organisations, the newest first."""
        del request
        rows = Fork.objects.visible_to(self.person).select_related("component", "author", "release")
        return self.listed(ForkShape, rows, self.asked(PageQuery), "-pk")

    @extend_schema(
        operation_id="forks_unmask",
        parameters=[ONCE_HEADER],
        request=BODIES,
        responses={201: OpenApiResponse(ForkDetailShape, description="Taken in; a worker takes it apart next.")},
        summary="Have a fork taken apart",
    )
    def post(self, request: Request) -> Response:
        """Its address, with a branch or without; or a git bundle. Nobody but members of your organisation sees it."""
        sent = self.sent(ForkInput)
        made = unmasking.unmask(
            person=self.person,
            component=component_meant(sent["component"]),
            git_url=sent.get("git_url", ""),
            git_ref=sent.get("git_ref", ""),
            bundle=sent.get("bundle"),
            once=request.headers.get(ONCE, ""),
        )
        return self.shown(ForkDetailShape, made, status=201, at=reverse("api-fork", args=[made.pk]))


class OneFork(Private):
    @extend_schema(operation_id="forks_show", responses=ForkDetailShape, summary="Show a fork")
    def get(self, request: Request, number: int) -> Response:
        """How far it is, and how many of its patches are in each state."""
        del request
        return self.shown(ForkDetailShape, self.fork(number))


class ForkCancelling(Private):
    @extend_schema(operation_id="forks_cancel", request=None, responses=ForkDetailShape, summary="Cancel it")
    def post(self, request: Request, number: int) -> Response:
        """What was drafted by then stays, until it is discarded."""
        del request
        return self.shown(ForkDetailShape, unmasking.cancel(person=self.person, fork=self.fork(number)))


class ForkTrial(Private):
    @extend_schema(
        operation_id="forks_try_again",
        request=None,
        responses={202: OpenApiResponse(ForkDetailShape, description="It is queued.")},
        summary="Try a fork again that went wrong on our side",
    )
    def post(self, request: Request, number: int) -> Response:
        """What was drafted by then stays; for its author and the owners of the organisation."""
        del request
        fork = self.fork(number)
        try_fork_again(person=self.person, fork=fork)
        fork.refresh_from_db()
        return self.shown(ForkDetailShape, fork, status=202)


class ForkDiscarding(Private):
    @extend_schema(operation_id="forks_discard", request=None, responses=ForkDetailShape, summary="Discard it")
    def post(self, request: Request, number: int) -> Response:
        """Every draft of it goes, its address, and all that was found out; what was published stays."""
        del request
        return self.shown(ForkDetailShape, unmasking.discard(person=self.person, fork=self.fork(number)))


class ForkPublishing(Private):
    @extend_schema(
        operation_id="forks_publish",
        request=PublishInput,
        responses={202: OpenApiResponse(AskedShape, description="A worker does it, the earlier ones first.")},
        summary="Publish drafts of a fork",
    )
    def post(self, request: Request, number: int) -> Response:
        """Those at the given positions, or all. What is like something else stays a draft; its `sentence` says so."""
        del request
        chosen = self.sent(PublishInput).get("positions")
        asked = unmasking.publish(person=self.person, fork=self.fork(number), positions=chosen)
        return self.shown(AskedShape, {"asked": asked}, status=202)


class ForkPatches(Private):
    @extend_schema(
        operation_id="forks_patches",
        parameters=[CarriedQuery],
        responses=paged(CarriedShape),
        summary="List the patches of a fork",
    )
    def get(self, request: Request, number: int) -> Response:
        """In the order in which the fork began them."""
        del request
        asked = self.asked(CarriedQuery)
        rows = self.fork(number).carried.with_receipt().select_related("contribution").defer("description")
        chosen = rows.filter(state=asked["state"]) if "state" in asked else rows
        return self.listed(CarriedShape, chosen, asked, "position")


class ForkPatch(Private):
    @extend_schema(
        operation_id="forks_retitle", request=ForkTitleInput, responses=CarriedShape, summary="Give a draft a title"
    )
    def post(self, request: Request, number: int, position: int) -> Response:
        """Before it is public."""
        del request
        title = self.sent(ForkTitleInput)["title"]
        unmasking.retitle(person=self.person, carried=self.patch(number, position), title=title)
        return self.shown(CarriedShape, self.patch(number, position))


class ForkLeavingOut(Private):
    @extend_schema(operation_id="forks_leave_out", request=None, responses=CarriedShape, summary="Leave a draft out")
    def post(self, request: Request, number: int, position: int) -> Response:
        """It can be drafted again until the fork is discarded."""
        del request
        unmasking.leave_out(person=self.person, carried=self.patch(number, position))
        return self.shown(CarriedShape, self.patch(number, position))


class ForkDrafting(Private):
    @extend_schema(operation_id="forks_draft", request=None, responses=CarriedShape, summary="Draft it all the same")
    def post(self, request: Request, number: int, position: int) -> Response:
        """What was left out, or what upstream is said to have."""
        del request
        unmasking.draft_all_the_same(person=self.person, carried=self.patch(number, position))
        return self.shown(CarriedShape, self.patch(number, position))
