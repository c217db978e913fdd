"""One comment: read, edited, removed, voted on, accepted as the answer to a question; and any text as it would look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from contributions.actions.answering import accept_answer, take_back_answer, vote_on_comment
from contributions.actions.commenting import edit_comment, previewed, remove_comment

from .inputs import CommentEditInput, TextInput, VoteInput, WhyInput
from .lookups import comment_seen_by
from .queries import PageQuery
from .resource import Resource
from .shapes.paged import paged
from .shapes.voices import CommentEditShape, CommentShape, CommentVoteShape, PreviewShape

if TYPE_CHECKING:
    from rest_framework.request import Request


class OneComment(Resource):
    @extend_schema(operation_id="comments_show", responses=CommentShape, summary="Show a comment")
    def get(self, request: Request, number: int) -> Response:
        """With its votes, and whether it is a question or an accepted answer."""
        del request
        return self.shown(CommentShape, comment_seen_by(self.eyes, number))

    @extend_schema(
        operation_id="comments_edit", request=CommentEditInput, responses=CommentShape, summary="Edit a comment"
    )
    def put(self, request: Request, number: int) -> Response:
        """Your own; what it said before stays to be read."""
        del request
        found = comment_seen_by(self.person, number)
        edit_comment(person=self.person, comment=found, **self.sent(CommentEditInput))
        return self.shown(CommentShape, comment_seen_by(self.person, number))


class CommentEdits(Resource):
    @extend_schema(
        operation_id="comments_edits",
        parameters=[PageQuery],
        responses=paged(CommentEditShape),
        summary="List what a comment said before",
    )
    def get(self, request: Request, number: int) -> Response:
        """Newest first; nothing is left of a comment that was removed."""
        del request
        return self.listed(
            CommentEditShape, comment_seen_by(self.eyes, number).edits.all(), self.asked(PageQuery), "-pk"
        )


class CommentRemoval(Resource):
    @extend_schema(operation_id="comments_remove", request=WhyInput, responses=CommentShape, summary="Remove a comment")
    def post(self, request: Request, number: int) -> Response:
        """Your own, or as staff anybody's with a reason. Its words go; its place in the thread stays."""
        del request
        found = comment_seen_by(self.person, number)
        remove_comment(person=self.person, comment=found, reason=self.sent(WhyInput).get("reason", ""))
        return self.shown(CommentShape, comment_seen_by(self.person, number))


class CommentOwnVote(Resource):
    @extend_schema(
        operation_id="comments_vote", request=VoteInput, responses=CommentVoteShape, summary="Vote on a comment"
    )
    def put(self, request: Request, number: int) -> Response:
        """Up, down, or take it back; not on your own. The contribution's score stays as it is."""
        del request
        value = self.sent(VoteInput)["value"]
        voted = vote_on_comment(person=self.person, comment=comment_seen_by(self.person, number), value=value)
        return Response({"value": value, "balance": voted.balance})


class Acceptance(Resource):
    @extend_schema(operation_id="comments_accept", request=None, responses=CommentShape, summary="Accept an answer")
    def post(self, request: Request, number: int) -> Response:
        """To your own question, or as the contribution's author or maintainer to anybody's."""
        del request
        accept_answer(person=self.person, comment=comment_seen_by(self.person, number))
        return self.shown(CommentShape, comment_seen_by(self.person, number))


class AcceptanceTakenBack(Resource):
    @extend_schema(
        operation_id="comments_take_back", request=None, responses=CommentShape, summary="Take back an answer"
    )
    def post(self, request: Request, number: int) -> Response:
        """The question is open again."""
        del request
        take_back_answer(person=self.person, comment=comment_seen_by(self.person, number))
        return self.shown(CommentShape, comment_seen_by(self.person, number))


class Preview(Resource):
    @extend_schema(operation_id="preview", request=TextInput, responses=PreviewShape, summary="Preview a text")
    def post(self, request: Request) -> Response:
        """The HTML that a comment of this text would have; nothing is kept."""
        del request
        return Response({"html": previewed(person=self.person, text=self.sent(TextInput)["text"])})
