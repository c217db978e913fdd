"""What somebody follows, and the searches that they saved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response

from contributions.actions import following as acts
from contributions.errors import Invalid
from contributions.models import ApiToken, Contribution, Follow, Stack

from .inputs import FollowInput, SearchInput, SearchNameInput
from .permissions import HasScope
from .queries import PageQuery
from .resource import Resource
from .shapes.following import FollowShape, SearchShape
from .shapes.paged import paged

if TYPE_CHECKING:
    from rest_framework.request import Request

    from contributions.models import SavedSearch

KINDS = ("contribution", "component", "release", "person", "organisation", "stack", "search")
KIND = OpenApiParameter("kind", str, OpenApiParameter.PATH, enum=KINDS)
KEY = OpenApiParameter(
    "key",
    str,
    OpenApiParameter.PATH,
    description="A contribution's, a stack's or a search's number; else the slug or username.",
)


class Own(Resource):
    """What is a person's own."""

    reading_scope = ApiToken.Scope.READ
    permission_classes = (IsAuthenticated, HasScope)
    http_method_names = ["get", "head", "post", "put", "delete"]


class Follows(Own):
    @extend_schema(
        operation_id="follows_list",
        parameters=[PageQuery],
        responses=paged(FollowShape),
        summary="List what you follow",
    )
    def get(self, request: Request) -> Response:
        """And what you muted, newest first."""
        del request
        rows = Follow.objects.seen_by(self.person).with_things()
        return self.listed(FollowShape, rows, self.asked(PageQuery), "-pk")


class OneFollow(Own):
    @extend_schema(
        operation_id="follows_set",
        parameters=[KIND, KEY],
        request=FollowInput,
        responses=FollowShape,
        summary="Follow something, or mute it",
    )
    def put(self, request: Request, kind: str, key: str) -> Response:
        """Of a contribution that is muted nothing at all is told; only contributions and stacks can be muted."""
        del request
        thing, is_muted = acts.thing_called(self.person, kind, key), self.sent(FollowInput).get("muted", False)
        if not is_muted:
            return self.shown(FollowShape, acts.follow(person=self.person, thing=thing))
        if isinstance(thing, Stack):
            return self.shown(FollowShape, acts.mute_stack(person=self.person, stack=thing))
        if not isinstance(thing, Contribution):
            raise Invalid("Only a contribution or a stack can be muted.", field="muted")
        return self.shown(FollowShape, acts.mute(person=self.person, contribution=thing))

    @extend_schema(
        operation_id="follows_end",
        parameters=[KIND, KEY],
        responses={204: OpenApiResponse(description="Neither followed nor muted.")},
        summary="Follow something no more",
    )
    def delete(self, request: Request, kind: str, key: str) -> Response:
        """To take part follows it again; not to have followed it is no error."""
        del request
        acts.unfollow(person=self.person, thing=acts.thing_called(self.person, kind, key))
        return Response(status=204)


class Searches(Own):
    @extend_schema(
        operation_id="searches_list",
        parameters=[PageQuery],
        responses=paged(SearchShape),
        summary="List your saved searches",
    )
    def get(self, request: Request) -> Response:
        """Newest first."""
        del request
        rows = self.person.searches.prefetch_related("followers")
        return self.listed(SearchShape, rows, self.asked(PageQuery), "-pk")

    @extend_schema(
        operation_id="searches_add",
        request=SearchInput,
        responses={201: OpenApiResponse(SearchShape, description="Saved.")},
        summary="Save a search",
    )
    def post(self, request: Request) -> Response:
        """Under a name of your own; you are told of new matches unless `is_followed` is false."""
        del request
        return self.shown(SearchShape, acts.save_search(person=self.person, **self.sent(SearchInput)), status=201)


class OneSearch(Own):
    @extend_schema(
        operation_id="searches_rename", request=SearchNameInput, responses=SearchShape, summary="Rename a saved search"
    )
    def put(self, request: Request, number: int) -> Response:
        """Its words stay."""
        del request
        named = acts.rename_search(person=self.person, search=self._found(number), **self.sent(SearchNameInput))
        return self.shown(SearchShape, named)

    @extend_schema(
        operation_id="searches_remove",
        responses={204: OpenApiResponse(description="Gone.")},
        summary="Remove a saved search",
    )
    def delete(self, request: Request, number: int) -> Response:
        """You are told of its matches no more."""
        del request
        acts.remove_search(person=self.person, search=self._found(number))
        return Response(status=204)

    def _found(self, number: int) -> SavedSearch:
        found: SavedSearch = acts.thing_called(self.person, "search", str(number))
        return found
