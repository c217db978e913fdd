"""What people say of a contribution: votes, comments, field reports and reviews."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.response import Response

from contributions.actions.commenting import comment
from contributions.actions.reporting import report, take_back
from contributions.actions.reviewing import review
from contributions.actions.voting import vote
from contributions.errors import Invalid, Missing
from contributions.models import ApiToken, FieldReport, Review
from contributions.models.judging import environment_of

from .inputs import CommentInput, ReportInput, ReviewInput, VoteInput
from .lookups import contribution_seen_by, release_meant
from .queries import PageQuery, ReportQuery
from .resource import Resource
from .shapes.paged import paged
from .shapes.voices import CommentShape, ReportShape, ReviewShape, VoteShape

if TYPE_CHECKING:
    from rest_framework.request import Request

    from contributions.models import Comment, Contribution


class OwnVote(Resource):
    @extend_schema(operation_id="vote", request=VoteInput, responses=VoteShape, summary="Vote")
    def put(self, request: Request, number: int) -> Response:
        """Up, down, or take it back; the latest one counts. Not on your own contribution."""
        del request
        value = self.sent(VoteInput)["value"]
        seen = vote(person=self.person, contribution=contribution_seen_by(self.person, number), value=value)
        return Response({"value": value, "up": seen.up, "down": seen.down, "score": seen.score})


class Comments(Resource):
    is_kept = True

    @extend_schema(
        operation_id="comments_list", parameters=[PageQuery], responses=paged(CommentShape), summary="List comments"
    )
    def get(self, request: Request, number: int) -> Response:
        """Oldest first; `parent` makes the threads. A removed one keeps its place without its words.

        Of a question (`is_question`) the answer with `accepted_at` is the accepted one.
        """
        del request
        found = contribution_seen_by(self.eyes, number).comments
        names = ("author", "organisation", "revision", "accepted_by")
        heavy = ("revision__files", "revision__commits", "revision__text", "revision__html")
        return self.listed(CommentShape, found.select_related(*names).defer(*heavy), self.asked(PageQuery), "pk")

    @extend_schema(
        operation_id="comments_add",
        request=CommentInput,
        responses={201: OpenApiResponse(CommentShape, description="Said.")},
        summary="Comment",
    )
    def post(self, request: Request, number: int) -> Response:
        """Say something about it, or answer somebody."""
        del request
        contribution, sent = contribution_seen_by(self.person, number), self.sent(CommentInput)
        parent = _answered(contribution, sent.get("parent"))
        made = comment(
            author=self.person,
            contribution=contribution,
            text=sent["text"],
            parent=parent,
            is_question=sent.get("is_question", False),
        )
        return self.shown(CommentShape, made, status=201)


def _answered(contribution: Contribution, pk: int | None) -> Comment | None:
    if pk is None:
        return None
    found = contribution.comments.filter(pk=pk).first()
    if found is None:
        raise Invalid(f"#{contribution.number} has no comment {pk}.", field="parent")
    return found


class Reports(Resource):
    is_kept = True

    @extend_schema(
        operation_id="reports_list",
        parameters=[ReportQuery],
        responses=paged(ReportShape),
        summary="List field reports",
    )
    def get(self, request: Request, number: int) -> Response:
        """The latest of each organisation and release, in the order in which they were first made, newest first."""
        del request
        names, asked = ("revision", "release", "organisation", "author"), self.asked(ReportQuery)
        contribution = contribution_seen_by(self.eyes, number)
        found = FieldReport.objects.filter(contribution=contribution).select_related(*names)
        if "trait" in asked:
            found = found.telling(*_trait_in(asked["trait"]))
        if "like" in asked:
            found = found.like(environment_of(self.eyes, contribution.component))
        return self.listed(ReportShape, found, asked, "-pk")

    @extend_schema(
        operation_id="reports_add",
        request=ReportInput,
        responses={201: OpenApiResponse(ReportShape, description="Noted for your organisation.")},
        summary="Report from the field",
    )
    def post(self, request: Request, number: int) -> Response:
        """How it went for your organisation; a later report on the same release replaces the earlier one."""
        del request
        contribution, sent = contribution_seen_by(self.person, number), self.sent(ReportInput)
        release = release_meant(contribution.component, sent.pop("release"))
        if release is None:
            raise Invalid("Name the release that it was tried on.", field="release")
        made = report(author=self.person, contribution=contribution, release=release, **sent)
        return self.shown(ReportShape, made, status=201)


class ReportTakingBack(Resource):
    @extend_schema(
        operation_id="reports_take_back", request=None, responses={204: None}, summary="Take a field report back"
    )
    def post(self, request: Request, number: int, report: int) -> Response:
        """Your organisation runs it no longer: the report speaks neither for nor against any more."""
        del request
        names = ("contribution", "release", "organisation")
        found = contribution_seen_by(self.person, number).reports.select_related(*names).filter(pk=report).first()
        if found is None:
            raise Missing(f"#{number} has no report {report}.")
        take_back(author=self.person, report=found)
        return Response(status=204)


def _trait_in(words: str) -> tuple[str, str]:
    trait, colon, choice = words.partition(":")
    if not colon:
        raise Invalid("Give a trait, a colon and a choice, such as hypervisor:kvm.", field="trait")
    return trait.strip(), choice.strip()


class Reviews(Resource):
    is_kept = True

    writing_scope = ApiToken.Scope.REVIEW

    @extend_schema(
        operation_id="reviews_list", parameters=[PageQuery], responses=paged(ReviewShape), summary="List reviews"
    )
    def get(self, request: Request, number: int) -> Response:
        """Of all revisions, newest first."""
        del request
        contribution = contribution_seen_by(self.eyes, number)
        found = Review.objects.filter(revision__contribution=contribution).select_related("revision", "reviewer")
        return self.listed(ReviewShape, found, self.asked(PageQuery), "-pk")

    @extend_schema(
        operation_id="reviews_add",
        request=ReviewInput,
        responses={201: OpenApiResponse(ReviewShape, description="Your verdict stands.")},
        summary="Review",
    )
    def post(self, request: Request, number: int) -> Response:
        """A maintainer's verdict on the current revision; asks for the scope “review”."""
        del request
        contribution, sent = contribution_seen_by(self.person, number), self.sent(ReviewInput)
        if sent["verdict"] == Review.Verdict.APPROVE:
            self.prove()
        return self.shown(ReviewShape, review(reviewer=self.person, contribution=contribution, **sent), status=201)
