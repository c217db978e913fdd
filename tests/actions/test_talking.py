"""Talking: mentions, edits that can be read back, votes on comments, and the answer to a question."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from contributions.actions.answering import accept_answer, take_back_answer, vote_on_comment
from contributions.actions.commenting import comment, edit_comment, previewed, remove_comment
from contributions.errors import Clash, Invalid, NotAllowed, TooMany
from contributions.models import Comment, CommentVote, Contribution, Event, Person, Standing
from tests.factories import make_comment, make_component, make_contribution, make_person, make_release, recompute

pytestmark = pytest.mark.django_db


def make_question(contribution: Contribution | None = None, author: Person | None = None) -> Comment:
    contribution = contribution or make_contribution()
    return comment(
        author=author or make_person(), contribution=contribution, text="Does it hold on 2.36?", is_question=True
    )


def answer_to(question: Comment, text: str = "It does.") -> Comment:
    return comment(author=make_person(), contribution=question.contribution, text=text, parent=question)


def test_a_name_leads_to_the_person_only_if_there_is_one() -> None:
    make_person("anna")
    make_person("gone", is_active=False)
    made = comment(author=make_person(), contribution=make_contribution(), text="@anna @gone @nobody `@anna`")
    assert made.html.count('href="/people/anna/"') == 1
    assert made.html.count("<a ") == 1


@pytest.mark.attack("W01")
@pytest.mark.parametrize(
    "text", ["@anna<script>alert(1)</script>", '@anna"onmouseover="alert(1)', "[@anna](javascript:alert(1))"]
)
def test_a_mention_carries_nothing_but_its_link(text: str) -> None:
    make_person("anna")
    for html in (
        comment(author=make_person(), contribution=make_contribution(), text=text).html,
        previewed(person=make_person(), text=text),
    ):
        assert "<script" not in html
        assert "javascript:" not in html.replace("[@anna](javascript:alert(1))", "")
        assert ' onmouseover="' not in html
    assert 'href="/people/anna/"' in previewed(person=make_person(), text="@anna")


def test_what_a_comment_said_before_stays_until_it_is_removed() -> None:
    made = comment(author=make_person(), contribution=make_contribution(), text="Frist.")
    edit_comment(person=made.author, comment=made, text="First.")
    edit_comment(person=made.author, comment=made, text="First of all.")
    assert list(made.edits.values_list("text", flat=True)) == ["First.", "Frist."]
    remove_comment(person=make_person(is_staff=True), comment=made, reason="Spam.")
    assert not made.edits.exists()
    assert Comment.objects.get(pk=made.pk).text == ""


def test_an_edit_that_changes_no_word_is_no_edit() -> None:
    made = comment(author=make_person(), contribution=make_contribution(), text="The same.")
    edit_comment(person=made.author, comment=made, text="The same. ", is_question=True)
    made.refresh_from_db()
    assert (made.edited_at, made.is_question, made.edits.count()) == (None, True, 0)


def test_votes_on_a_comment_are_counted_from_rows_and_never_reach_the_score() -> None:
    contribution = make_contribution()
    release = make_release(contribution.component)
    made = make_comment(contribution)
    before = recompute(contribution)
    score, activity = before.score, before.activity
    voters = [make_person() for _ in range(3)]
    for voter in voters:
        vote_on_comment(person=voter, comment=made, value=1)
    vote_on_comment(person=voters[0], comment=made, value=1)
    vote_on_comment(person=voters[1], comment=made, value=-1)
    vote_on_comment(person=voters[2], comment=made, value=0)
    assert made.balance == 0
    assert CommentVote.objects.filter(comment=made).count() == 2
    after = recompute(contribution)
    assert (after.score, after.activity, after.up) == (score, activity, 0)
    assert Standing.objects.get(contribution=contribution, release=release).score == score


def test_nobody_votes_on_their_own_comment_nor_on_a_removed_one() -> None:
    made = make_comment()
    with pytest.raises(NotAllowed):
        vote_on_comment(person=made.author, comment=made, value=1)
    with pytest.raises(Invalid):
        vote_on_comment(person=make_person(), comment=made, value=2)
    remove_comment(person=made.author, comment=made)
    with pytest.raises(NotAllowed):
        vote_on_comment(person=make_person(), comment=made, value=1)
    assert not CommentVote.objects.exists()


def test_who_votes_on_a_comment_is_nobody_elses_to_read() -> None:
    voter, made = make_person(), make_comment()
    vote_on_comment(person=voter, comment=made, value=-1)
    lines = Event.objects.filter(verb="appraised")
    assert lines.visible_to(voter).count() == 1
    assert lines.visible_to(made.author).count() == 0


def test_a_question_is_open_until_an_answer_is_accepted() -> None:
    question = make_question()
    contribution = question.contribution
    first, second = answer_to(question), answer_to(question, "On 2.37 too.")
    assert contribution.question_count == 1
    accept_answer(person=question.author, comment=first)
    assert accept_answer(person=contribution.author, comment=second).is_accepted
    assert [kept.pk for kept in question.replies.filter(accepted_at__isnull=False)] == [second.pk]
    contribution.refresh_from_db()
    assert contribution.question_count == 0
    take_back_answer(person=question.author, comment=second)
    contribution.refresh_from_db()
    assert contribution.question_count == 1
    with pytest.raises(Clash):
        take_back_answer(person=question.author, comment=second)


def test_an_accepted_answer_that_is_removed_opens_the_question_again() -> None:
    question = make_question()
    answer = answer_to(question)
    accept_answer(person=question.author, comment=answer)
    remove_comment(person=answer.author, comment=answer)
    assert Contribution.objects.get(pk=question.contribution_id).question_count == 1


def test_only_who_asked_the_author_and_maintainers_accept() -> None:
    maintainer = make_person()
    contribution = make_contribution(component=make_component(maintainers=(maintainer,)))
    question = make_question(contribution)
    answer = answer_to(question)
    for stranger in (answer.author, make_person()):
        with pytest.raises(NotAllowed):
            accept_answer(person=stranger, comment=answer)
    for person in (question.author, contribution.author, maintainer, make_person(is_staff=True)):
        assert accept_answer(person=person, comment=answer).accepted_by == person


def test_only_what_stands_right_beneath_a_question_can_be_accepted() -> None:
    question = make_question()
    answer = answer_to(question)
    deeper = comment(author=make_person(), contribution=question.contribution, text="Sure?", parent=answer)
    remark = make_comment(question.contribution)
    for other in (deeper, remark, question):
        with pytest.raises(Invalid):
            accept_answer(person=question.author, comment=other)
    with pytest.raises(Invalid, match="no question"):
        comment(author=make_person(), contribution=question.contribution, text="Or?", parent=answer, is_question=True)
    accept_answer(person=question.author, comment=answer)
    with pytest.raises(Clash, match="take that back"):
        edit_comment(person=question.author, comment=question, text="No matter.", is_question=False)


def test_the_database_keeps_one_accepted_answer() -> None:
    question = make_question()
    now = question.created_at
    Comment.objects.filter(pk=answer_to(question).pk).update(accepted_at=now)
    with pytest.raises(IntegrityError), transaction.atomic():
        Comment.objects.filter(pk=answer_to(question).pk).update(accepted_at=now)


def test_in_quarantine_and_before_it_is_public_nothing_is_said_or_judged() -> None:
    question = make_question()
    answer, author = answer_to(question), question.contribution.author
    Contribution.objects.filter(pk=question.contribution_id).update(quarantined_at=question.created_at)
    kept = Comment.objects.get(pk=answer.pk)
    for act in (
        lambda: vote_on_comment(person=author, comment=kept, value=1),
        lambda: accept_answer(person=author, comment=kept),
    ):
        with pytest.raises(Clash, match="quarantine"):
            act()
    Contribution.objects.filter(pk=question.contribution_id).update(quarantined_at=None, is_draft=True)
    draft = Contribution.objects.get(pk=question.contribution_id)
    with pytest.raises(Clash, match="draft"):
        comment(author=author, contribution=draft, text="To myself.")


def test_previews_are_paced() -> None:
    person = make_person()
    for _ in range(60):
        previewed(person=person, text="*Hm*")
    with pytest.raises(TooMany):
        previewed(person=person, text="*Hm*")
    assert "<em>" in previewed(person=make_person(), text="*Hm*")
