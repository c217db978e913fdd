"""Votes on comments, accepted answers and edits at the same moment: all are counted, and no word is lost."""

from __future__ import annotations

import pytest

from contributions.actions.answering import accept_answer, vote_on_comment
from contributions.actions.commenting import edit_comment
from contributions.models import Comment
from tests import factories
from tests.hostile.test_races import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def fresh(comment: Comment) -> Comment:
    return Comment.objects.select_related("contribution__component", "parent").get(pk=comment.pk)


def test_votes_at_once_are_all_counted() -> None:
    made, people = factories.make_comment(), [factories.make_person() for _ in range(8)]
    at_once(*[lambda who=who: vote_on_comment(person=who, comment=fresh(made), value=1) for who in people])
    assert fresh(made).balance == made.votes.count() == 8


def test_of_answers_accepted_at_once_one_stands() -> None:
    question = factories.make_comment(is_question=True)
    answers = [factories.make_comment(question.contribution, parent=question) for _ in range(4)]
    acts = [lambda answer=answer: accept_answer(person=question.author, comment=fresh(answer)) for answer in answers]
    assert all(isinstance(done, Comment) for done in at_once(*acts))
    assert Comment.objects.filter(parent=question, accepted_at__isnull=False).count() == 1
    question.contribution.refresh_from_db()
    assert question.contribution.question_count == 0


def test_edits_at_once_are_all_kept() -> None:
    made = factories.make_comment(text="As it was.")
    acts = [lambda at=at: edit_comment(person=made.author, comment=fresh(made), text=f"Edit {at}.") for at in range(4)]
    at_once(*acts)
    said = {fresh(made).text, *made.edits.values_list("text", flat=True)}
    assert said == {"As it was.", *(f"Edit {at}." for at in range(4))}
