"""Judging comments: a vote up or down, and the one answer that settles a question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Sum
from django.db.models.functions import Now

from contributions.errors import Clash, Invalid, NotAllowed
from contributions.models import Comment, CommentVote, Event, Standing

from .pacing import pace
from .quarantining import refuse_in_quarantine

if TYPE_CHECKING:
    from contributions.models import Person


def vote_on_comment(*, person: Person, comment: Comment, value: int) -> Comment:
    """Vote 1 (up), -1 (down) or 0 (take it back); it moves the comment in its thread and nothing else."""
    if isinstance(value, bool) or not isinstance(value, int) or value not in {1, 0, -1}:
        raise Invalid("A vote is 1, 0 or -1.", field="value")
    refuse_in_quarantine(person, comment.contribution)
    if not comment.contribution.may_be_discussed_by(person) or not comment.may_be_voted_on_by(person):
        raise NotAllowed("You cannot vote on your own comment, nor on one that was removed.")
    pace(person, Event.Verb.APPRAISED)
    with transaction.atomic():
        _held(comment)
        if value:
            CommentVote.objects.update_or_create(comment=comment, person=person, defaults={"value": value})
        else:
            CommentVote.objects.filter(comment=comment, person=person).delete()
        balance = CommentVote.objects.filter(comment=comment).aggregate(sum=Sum("value"))["sum"] or 0
        Comment.objects.filter(pk=comment.pk).update(balance=balance)
        Event.objects.write(
            Event.Verb.APPRAISED,
            actor=person,
            contribution=comment.contribution,
            comment=comment,
            text=f"{value:+d}",
        )
    comment.refresh_from_db(fields=["balance"])
    return comment


def accept_answer(*, person: Person, comment: Comment) -> Comment:
    """Take this answer as the one to its question, in place of any other."""
    question = _question_for(person, comment)
    pace(person, Event.Verb.ANSWERED)
    with transaction.atomic():
        _held(question)
        answers = Comment.objects.filter(parent=question)
        answers.exclude(pk=comment.pk).filter(accepted_at__isnull=False).update(accepted_at=None, accepted_by=None)
        if not answers.standing().filter(pk=comment.pk).update(accepted_at=Now(), accepted_by=person):
            raise Clash("The answer was removed meanwhile.")
        _written(Event.Verb.ANSWERED, person, comment)
    comment.refresh_from_db()
    return comment


def take_back_answer(*, person: Person, comment: Comment) -> Comment:
    """The question is open again."""
    question = _question_for(person, comment)
    pace(person, Event.Verb.UNANSWERED)
    with transaction.atomic():
        _held(question)
        accepted = Comment.objects.filter(pk=comment.pk, accepted_at__isnull=False)
        if not accepted.update(accepted_at=None, accepted_by=None):
            raise Clash("It is not accepted.")
        _written(Event.Verb.UNANSWERED, person, comment)
    comment.refresh_from_db()
    return comment


def _question_for(person: Person, comment: Comment) -> Comment:
    """The question right above the comment, if it is for this person to say what answers it."""
    refuse_in_quarantine(person, comment.contribution)
    question = comment.parent
    if question is None or not question.is_question:
        raise Invalid("Only what was answered to a question, right beneath it, can be accepted.")
    asked = question.author_id == person.pk and comment.contribution.may_be_discussed_by(person)
    if not asked and not comment.contribution.may_settle_answers(person):
        raise NotAllowed("Who asked, the contribution's author and its maintainers accept an answer.")
    return question


def _held(comment: Comment) -> None:
    """Hold the comment until the transaction ends, so that of two at once the second counts what the first did."""
    rows = Comment.objects.standing().select_for_update(of=("self",), no_key=True)
    if not rows.filter(pk=comment.pk).exists():
        raise Clash("The comment was removed meanwhile.")


def _written(verb: Event.Verb, person: Person, comment: Comment) -> None:
    Event.objects.write(verb, actor=person, contribution=comment.contribution, comment=comment, subject=comment.author)
    Standing.objects.recompute(comment.contribution)
