"""Abuse: flagging it, deciding about it, suspending accounts, and the public log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.permissions import IsAuthenticated

from contributions.actions.flagging import flag
from contributions.actions.moderating import handle, reinstate, suspend
from contributions.errors import Invalid, Missing
from contributions.models import ApiToken, Comment, Event, Flag, LineComment, Person

from .inputs import DecisionInput, FlagInput, ReasonInput
from .lookups import contribution_seen_by
from .permissions import HasScope
from .queries import FlagQuery, PageQuery
from .resource import Resource
from .shapes.moderation import AccountShape, FlagShape, ModerationShape
from .shapes.paged import paged

if TYPE_CHECKING:
    from typing import Any

    from rest_framework.request import Request
    from rest_framework.response import Response

    from contributions.models.moderation import Thing

THINGS = ("contribution", "comment", "remark", "person")


class Flags(Resource):
    reading_scope = ApiToken.Scope.READ
    permission_classes = (IsAuthenticated, HasScope)

    @extend_schema(operation_id="flags_list", parameters=[FlagQuery], responses=paged(FlagShape), summary="List flags")
    def get(self, request: Request) -> Response:
        """Your own, newest first; staff see all."""
        del request
        asked = self.asked(FlagQuery)
        found = Flag.objects.visible_to(self.person).select_related("account", "reporter")
        if "state" in asked:
            found = found.filter(state=asked["state"])
        return self.listed(FlagShape, found, asked, "-pk")

    @extend_schema(
        operation_id="flags_add",
        request=FlagInput,
        responses={201: OpenApiResponse(FlagShape, description="The staff will look at it.")},
        summary="Flag abuse",
    )
    def post(self, request: Request) -> Response:
        """Tell the staff of a contribution, a comment, a remark or a person: one of them. Nobody else learns of it."""
        del request
        sent = self.sent(FlagInput)
        thing = _thing(self.person, sent)
        made = flag(reporter=self.person, thing=thing, reason=sent["reason"], text=sent.get("text", ""))
        return self.shown(FlagShape, made, status=201, at=f"/api/v1/flags/{made.pk}/")


def _thing(person: Person, sent: dict[str, Any]) -> Thing:
    named = [name for name in THINGS if name in sent]
    if len(named) != 1:
        wrong = named[1] if named else "contribution"
        raise Invalid("Name one of contribution, comment, remark and person.", field=wrong)
    if "contribution" in sent:
        return contribution_seen_by(person, sent["contribution"])
    if "person" in sent:
        return _person(sent["person"], is_active=True)
    if "comment" in sent:
        return _said(person, Comment.objects.standing(), sent["comment"])
    return _said(person, LineComment.objects.published().standing(), sent["remark"])


def _said(person: Person, rows: Any, key: int) -> Comment | LineComment:
    found: Comment | LineComment | None = rows.select_related("contribution", "author").filter(pk=key).first()
    if found is None:
        raise Missing(f"There is no {rows.model._meta.verbose_name} {key}.")
    contribution_seen_by(person, found.contribution_id)
    return found


def _person(username: str, **given: bool) -> Person:
    found = Person.objects.filter(username=username, **given).first()
    if found is None:
        raise Missing(f"There is no account named {username[:60]!r}.")
    return found


def _flag_seen_by(person: Person, number: int) -> Flag:
    found = Flag.objects.visible_to(person).with_names().filter(pk=number).first()
    if found is None:
        raise Missing(f"There is no flag {number}, or it is not yours.")
    return found


class OneFlag(Resource):
    reading_scope = ApiToken.Scope.READ
    permission_classes = (IsAuthenticated, HasScope)

    @extend_schema(operation_id="flags_show", responses=FlagShape, summary="Show a flag")
    def get(self, request: Request, number: int) -> Response:
        """With what the staff decided."""
        del request
        return self.shown(FlagShape, _flag_seen_by(self.person, number))


class Decision(Resource):
    is_sensitive = True

    @extend_schema(
        operation_id="flags_decide", request=DecisionInput, responses=FlagShape, summary="Decide about a flag"
    )
    def post(self, request: Request, number: int) -> Response:
        """Staff only: all open flags on the same thing are decided with it."""
        del request
        found, sent = _flag_seen_by(self.person, number), self.sent(DecisionInput)
        return self.shown(FlagShape, handle(moderator=self.person, flag=found, **sent))


class Log(Resource):
    @extend_schema(
        operation_id="moderation_log",
        parameters=[PageQuery],
        responses=paged(ModerationShape),
        summary="Read the moderation log",
    )
    def get(self, request: Request) -> Response:
        """What staff did to what others wrote, and why; newest first."""
        del request
        done = Event.objects.of_moderation().select_related("actor", "subject")
        return self.listed(ModerationShape, done, self.asked(PageQuery), "-pk")


class Suspension(Resource):
    is_sensitive = True

    @extend_schema(
        operation_id="people_suspend", request=ReasonInput, responses=AccountShape, summary="Suspend an account"
    )
    def post(self, request: Request, username: str) -> Response:
        """Staff only: its sessions end, its tokens are refused; what it made stays."""
        del request
        reason = self.sent(ReasonInput)["reason"]
        return self.shown(AccountShape, suspend(person=self.person, account=_person(username), reason=reason))


class Reinstatement(Resource):
    is_sensitive = True

    @extend_schema(
        operation_id="people_reinstate", request=ReasonInput, responses=AccountShape, summary="Reinstate an account"
    )
    def post(self, request: Request, username: str) -> Response:
        """Staff only: the account is as it was, without its sessions."""
        del request
        reason = self.sent(ReasonInput)["reason"]
        return self.shown(AccountShape, reinstate(person=self.person, account=_person(username), reason=reason))
