"""Remarks on lines: reading them, keeping drafts, publishing rounds, settling threads, taking suggestions in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.urls import reverse
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.response import Response

from contributions.actions import remarking
from contributions.actions.remarking import Place
from contributions.actions.taking_in import take_in
from contributions.errors import Invalid, Missing, NotAllowed
from contributions.models import ApiToken, LineComment, Review, Revision

from .inputs import RemarkEditInput, RemarkInput, RoundInput, TakeInput, WhyInput
from .lookups import contribution_seen_by
from .queries import RemarkQuery
from .resource import Resource
from .shapes.paged import paged
from .shapes.remarks import DiscardedShape, RemarkShape
from .shapes.revisions import RevisionDetailShape
from .shapes.voices import CommentShape

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser
    from rest_framework.request import Request

    from contributions.models import Contribution, Person


class Remarks(Resource):
    is_kept = True

    @extend_schema(
        operation_id="remarks_list",
        parameters=[RemarkQuery],
        responses=paged(RemarkShape),
        summary="List remarks on lines",
    )
    def get(self, request: Request, number: int) -> Response:
        """Oldest first, your own drafts among them; `thread` tells what answers what."""
        del request
        asked = self.asked(RemarkQuery)
        found = contribution_seen_by(self.eyes, number).line_comments.visible_to(self.eyes).with_names()
        for name, column in (("revision", "revision__number"), ("path", "path")):
            if name in asked:
                found = found.filter(**{column: asked[name]})
        if asked.get("open"):
            found = found.in_open_threads()
        return self.listed(RemarkShape, found, asked, "pk")

    @extend_schema(
        operation_id="remarks_add",
        request=RemarkInput,
        responses={201: OpenApiResponse(RemarkShape, description="Kept as a draft, or published.")},
        summary="Remark on lines",
    )
    def post(self, request: Request, number: int) -> Response:
        """A draft of your own unless `publish` is true. With `thread` it is an answer and has no place of its own."""
        del request
        contribution, sent = contribution_seen_by(self.person, number), self.sent(RemarkInput)
        made = self._answer(contribution, sent) if "thread" in sent else self._remark(contribution, sent)
        return self.shown(RemarkShape, made, status=201, at=reverse("api-remark", args=[made.pk]))

    def _answer(self, contribution: Contribution, sent: dict[str, Any]) -> LineComment:
        if strange := [name for name in ("revision", "path", "side", "start", "end", "suggestion") if name in sent]:
            raise Invalid("An answer stands where its thread does.", field=strange[0])
        rows = LineComment.objects.visible_to(self.person).select_related("revision", "parent__revision")
        thread = rows.filter(contribution=contribution, pk=sent["thread"]).first()
        if thread is None:
            raise Invalid(f"#{contribution.number} has no remark {sent['thread']}.", field="thread")
        given: dict[str, Any] = {"text": sent.get("text", ""), "at_once": sent.get("publish", False)}
        return remarking.answer(author=self.person, thread=thread, **given)

    def _remark(self, contribution: Contribution, sent: dict[str, Any]) -> LineComment:
        start = sent.get("start", 0)
        side, end = sent.get("side", LineComment.Side.NEW), sent.get("end", start)
        place = Place(_revision(contribution, sent.get("revision")), sent.get("path", ""), side, start, end)
        given: dict[str, Any] = {"text": sent.get("text", ""), "suggestion": sent.get("suggestion")}
        at_once = sent.get("publish", False)
        return remarking.remark(author=self.person, contribution=contribution, place=place, at_once=at_once, **given)


def _revision(contribution: Contribution, number: int | None) -> Revision:
    rows = contribution.revisions.select_related("sides", "diff")
    wanted = {"number": number} if number else {"pk": contribution.current_id}
    found: Revision | None = rows.filter(**wanted).first()
    if found is None:
        raise Invalid(f"#{contribution.number} has no such revision.", field="revision")
    return found


def _seen_by(eyes: Person | AnonymousUser, number: int) -> LineComment:
    found = LineComment.objects.visible_to(eyes).with_names().filter(pk=number).first()
    if found is None:
        raise Missing(f"There is no remark {number}.")
    found.contribution = contribution_seen_by(eyes, found.contribution_id)
    return found


class OneRemark(Resource):
    is_kept = True

    @extend_schema(operation_id="remarks_show", responses=RemarkShape, summary="Show a remark")
    def get(self, request: Request, number: int) -> Response:
        """Published, or a draft of your own."""
        del request
        return self.shown(RemarkShape, _seen_by(self.eyes, number))

    @extend_schema(
        operation_id="remarks_edit", request=RemarkEditInput, responses=RemarkShape, summary="Edit your remark"
    )
    def put(self, request: Request, number: int) -> Response:
        """Other words; `suggestion` can be changed only while it is a draft."""
        del request
        found, sent = _seen_by(self.person, number), self.sent(RemarkEditInput)
        remarking.edit_remark(person=self.person, remark=found, **sent)
        return self.shown(RemarkShape, _seen_by(self.person, number))


class RemarkRemoval(Resource):
    @extend_schema(
        operation_id="remarks_remove",
        request=WhyInput,
        responses={204: OpenApiResponse(description="Removed.")},
        summary="Remove a remark",
    )
    def post(self, request: Request, number: int) -> Response:
        """A draft is gone; what is published keeps its place without its words. Staff give a reason."""
        del request
        found, sent = _seen_by(self.person, number), self.sent(WhyInput)
        remarking.remove_remark(person=self.person, remark=found, **sent)
        return Response(status=204)


class RemarkResolution(Resource):
    @extend_schema(
        operation_id="remarks_resolve", request=None, responses=RemarkShape, summary="Resolve a thread on lines"
    )
    def post(self, request: Request, number: int) -> Response:
        """By who began it, the contribution's author, maintainers and staff."""
        del request
        remarking.resolve(person=self.person, thread=_seen_by(self.person, number))
        return self.shown(RemarkShape, _seen_by(self.person, number))


class RemarkReopening(Resource):
    @extend_schema(
        operation_id="remarks_reopen", request=None, responses=RemarkShape, summary="Reopen a thread on lines"
    )
    def post(self, request: Request, number: int) -> Response:
        """By those who may resolve it."""
        del request
        remarking.reopen(person=self.person, thread=_seen_by(self.person, number))
        return self.shown(RemarkShape, _seen_by(self.person, number))


class RemarkRound(Resource):
    @extend_schema(
        operation_id="remarks_publish",
        request=RoundInput,
        responses={201: OpenApiResponse(CommentShape, description="The comment that covers them.")},
        summary="Publish your drafts",
    )
    def post(self, request: Request, number: int) -> Response:
        """All of them on this contribution at once; a `verdict` asks for the scope “review” too."""
        contribution, sent = contribution_seen_by(self.person, number), self.sent(RoundInput)
        verdict = sent.get("verdict")
        if verdict and isinstance(request.auth, ApiToken) and not request.auth.allows(ApiToken.Scope.REVIEW):
            raise NotAllowed("This token lacks the scope “review”.")
        if verdict == Review.Verdict.APPROVE:
            self.prove()
        return self.shown(
            CommentShape, remarking.publish(author=self.person, contribution=contribution, **sent), status=201
        )


class RemarkDiscarding(Resource):
    @extend_schema(
        operation_id="remarks_discard", request=None, responses=DiscardedShape, summary="Throw your drafts away"
    )
    def post(self, request: Request, number: int) -> Response:
        """All of them on this contribution."""
        del request
        gone = remarking.discard(person=self.person, contribution=contribution_seen_by(self.person, number))
        return Response({"discarded": gone})


class SuggestionsTaken(Resource):
    @extend_schema(
        operation_id="remarks_take",
        request=TakeInput,
        responses={201: OpenApiResponse(RevisionDetailShape, description="The worker makes it next.")},
        summary="Take suggested edits in",
    )
    def post(self, request: Request, number: int) -> Response:
        """The next revision, made of the suggestions of these remarks: all or none. The same again makes no second."""
        del request
        contribution, sent = contribution_seen_by(self.person, number), self.sent(TakeInput)
        made = take_in(person=self.person, contribution=contribution, suggestions=sent["suggestions"])
        where = reverse("api-revision", args=[number, made.number])
        return self.shown(RevisionDetailShape, made, status=201, at=where)
