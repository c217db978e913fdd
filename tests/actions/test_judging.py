"""Votes, comments, field reports and reviews: who may, what counts, and what two at once come to."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.utils import timezone

from contributions.actions.commenting import comment, edit_comment, remove_comment
from contributions.actions.reporting import report
from contributions.actions.reviewing import review
from contributions.actions.voting import vote
from contributions.errors import Clash, Invalid, NotAllowed, TooLarge, TooMany
from contributions.models import Contribution, Event, FieldReport, Review, Vote
from tests.factories import (
    make_build,
    make_component,
    make_contribution,
    make_organisation,
    make_person,
    make_release,
    make_revision,
)

if TYPE_CHECKING:
    from contributions.models import Person

State = Contribution.State
pytestmark = pytest.mark.django_db


def reviewed_contribution(*, approvals: int = 1) -> tuple[Contribution, list[Person]]:
    maintainers = (make_person(), make_person())
    component = make_component(maintainers=maintainers, approvals_needed=approvals)
    return make_contribution(component=component), list(maintainers)


def test_votes_are_counted_from_the_rows() -> None:
    contribution, person = make_contribution(), make_person()
    vote(person=person, contribution=contribution, value=1)
    vote(person=make_person(), contribution=contribution, value=-1)
    assert (contribution.up, contribution.down) == (1, 1)
    vote(person=person, contribution=contribution, value=0)
    assert (contribution.up, contribution.down) == (0, 1)


@pytest.mark.attack("W09")
@pytest.mark.django_db(transaction=True)
def test_many_votes_of_one_person_at_once_are_one_vote() -> None:
    contribution, person = make_contribution(), make_person()

    def cast(_: int) -> None:
        try:
            vote(person=person, contribution=contribution, value=1)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as voters:
        list(voters.map(cast, range(40)))
    contribution.refresh_from_db()
    assert (Vote.objects.count(), contribution.up) == (1, 1)


@pytest.mark.attack("W10")
@pytest.mark.parametrize("value", [2, -2, True, 1.0, "1", None])
def test_a_vote_is_one_up_one_down_or_none(value: Any) -> None:
    with pytest.raises(Invalid):
        vote(person=make_person(), contribution=make_contribution(), value=value)
    assert not Vote.objects.exists()


@pytest.mark.attack("W10")
def test_nobody_votes_for_their_own() -> None:
    contribution = make_contribution()
    with pytest.raises(NotAllowed):
        vote(person=contribution.author, contribution=contribution, value=1)


@pytest.mark.attack("W11")
def test_a_person_who_comments_too_fast_is_told_to_wait() -> None:
    contribution, person = make_contribution(), make_person()
    for number in range(20):
        comment(author=person, contribution=contribution, text=f"Remark {number}")
    with pytest.raises(TooMany) as refusal:
        comment(author=person, contribution=contribution, text="One more")
    assert refusal.value.retry_after == 60
    assert contribution.comments.count() == 20
    comment(author=make_person(), contribution=contribution, text="Somebody else is not held up.")


def test_a_comment_is_rendered_and_counted_and_never_raises_the_score() -> None:
    contribution = make_contribution()
    comment(author=make_person(), contribution=contribution, text="**Works** <script>alert(1)</script>")
    made = contribution.comments.get()
    assert "<strong>Works</strong>" in made.html
    assert "<script" not in made.html
    assert (contribution.comment_count, contribution.score) == (1, 0)


def test_an_answer_stays_in_its_thread_when_the_question_is_removed() -> None:
    contribution, author = make_contribution(), make_person()
    question = comment(author=author, contribution=contribution, text="Which backend?")
    answer = comment(author=make_person(), contribution=contribution, text="Ceph.", parent=question)
    remove_comment(person=author, comment=question)
    answer.refresh_from_db()
    assert answer.parent == question
    assert (question.text, question.html) == ("", "")
    assert contribution.comments.standing().count() == 1


def test_a_comment_cannot_answer_one_of_another_contribution() -> None:
    elsewhere = comment(author=make_person(), contribution=make_contribution(), text="Here.")
    with pytest.raises(Invalid):
        comment(author=make_person(), contribution=make_contribution(), text="There.", parent=elsewhere)


def test_only_its_author_edits_a_comment() -> None:
    made = comment(author=make_person(), contribution=make_contribution(), text="Frist.")
    with pytest.raises(NotAllowed):
        edit_comment(person=make_person(is_staff=True), comment=made, text="First.")
    assert edit_comment(person=made.author, comment=made, text="First.").edited_at


def test_edits_are_paced_and_remembered() -> None:
    made = comment(author=make_person(), contribution=make_contribution(), text="One.")
    for number in range(20):
        edit_comment(person=made.author, comment=made, text=f"Edit {number}.")
    with pytest.raises(TooMany):
        edit_comment(person=made.author, comment=made, text="One more.")
    assert made.text == "Edit 19."
    assert Event.objects.filter(verb=Event.Verb.EDITED).count() == 20


def test_a_comment_above_the_limit_is_refused_and_not_cut(settings: Any) -> None:
    contribution = make_contribution()
    with pytest.raises(TooLarge):
        comment(author=make_person(), contribution=contribution, text="x" * (settings.MAX_TEXT_BYTES + 1))
    assert not contribution.comments.exists()


def say(contribution: Contribution, outcome: str, **given: Any) -> FieldReport:
    author = given.pop("author", None) or make_person(organisation=make_organisation())
    given = {"stage": "production", "release": contribution.release} | given
    return report(author=author, contribution=contribution, outcome=outcome, **given)


def released_contribution(**given: Any) -> Contribution:
    return make_contribution(release=make_release(), **given)


@pytest.mark.attack("T15")
def test_an_organisation_has_one_voice_a_release_and_the_latest_counts() -> None:
    contribution, organisation = released_contribution(), make_organisation()
    say(contribution, "works", author=make_person(organisation=organisation))
    assert contribution.score == pytest.approx(0.71, abs=0.01)
    say(contribution, "broken", author=make_person(organisation=organisation))
    assert FieldReport.objects.get().outcome == "broken"
    assert (contribution.score, contribution.running_count) == (0, 0)


@pytest.mark.attack("T15")
def test_the_authors_own_organisation_never_counts() -> None:
    organisation = make_organisation()
    author = make_person(organisation=organisation)
    contribution = released_contribution(author=author, organisation=organisation)
    say(contribution, "works", author=make_person(organisation=organisation))
    assert (contribution.score, contribution.running_count) == (0, 0)


def test_a_report_needs_an_organisation_to_speak_for() -> None:
    with pytest.raises(NotAllowed, match="organisation"):
        say(released_contribution(), "works", author=make_person())


def test_a_report_cannot_be_since_tomorrow() -> None:
    with pytest.raises(Invalid, match="future"):
        say(released_contribution(), "works", since=timezone.localdate() + timedelta(days=1))


def test_a_report_names_a_release_of_the_component() -> None:
    with pytest.raises(Invalid, match="not a release"):
        say(released_contribution(), "works", release=make_release())


def test_a_report_on_other_content_does_not_speak_for_the_new_revision() -> None:
    contribution = released_contribution()
    say(contribution, "works")
    make_revision(contribution, fingerprint="other")
    vote(person=make_person(), contribution=contribution, value=1)
    assert contribution.running_count == 0


def test_a_red_build_counts_against_a_patch_only_where_the_bare_release_is_green() -> None:
    contribution = released_contribution()
    release = contribution.release
    make_build(contribution.current, release, state="failed")
    voter = make_person()
    vote(person=voter, contribution=contribution, value=1)
    standing = contribution.standings.get(release=release)
    assert standing.parts["against_builds"] == 0
    make_build(None, release, recipe={"build": "true"})
    vote(person=voter, contribution=contribution, value=1)
    standing.refresh_from_db()
    assert standing.parts["against_builds"] == 1


def test_enough_approvals_approve_and_the_feed_is_told() -> None:
    contribution, (first, second) = reviewed_contribution(approvals=2)
    review(reviewer=first, contribution=contribution, verdict="approve")
    assert contribution.state == State.OPEN
    review(reviewer=first, contribution=contribution, verdict="approve")
    assert contribution.state == State.OPEN, "one maintainer twice is not two"
    review(reviewer=second, contribution=contribution, verdict="approve")
    assert contribution.state == State.APPROVED
    assert Event.objects.filter(verb=Event.Verb.APPROVED, contribution=contribution).exists()


def test_one_maintainer_against_holds_it_back_until_they_change_their_mind() -> None:
    contribution, (first, second) = reviewed_contribution()
    review(reviewer=first, contribution=contribution, verdict="request-changes", message="Add a test.")
    assert contribution.state == State.CHANGES_REQUESTED
    review(reviewer=second, contribution=contribution, verdict="approve")
    assert contribution.state == State.CHANGES_REQUESTED
    review(reviewer=first, contribution=contribution, verdict="approve")
    assert contribution.state == State.APPROVED


def test_saying_no_needs_a_reason() -> None:
    contribution, (maintainer, _) = reviewed_contribution()
    with pytest.raises(Invalid, match="why"):
        review(reviewer=maintainer, contribution=contribution, verdict="reject")
    assert not Review.objects.exists()


def test_an_approval_is_for_the_revision_that_was_looked_at() -> None:
    contribution, (maintainer, _) = reviewed_contribution()
    make_revision(contribution)
    with pytest.raises(Clash, match="v2 came after the v1"):
        review(reviewer=maintainer, contribution=contribution, verdict="approve", revision=1)
    review(reviewer=maintainer, contribution=contribution, verdict="approve", revision=2)
    assert contribution.state == State.APPROVED


@pytest.mark.attack("T01")
def test_a_maintainer_cannot_approve_their_own() -> None:
    maintainer = make_person()
    component = make_component(maintainers=(maintainer,))
    contribution = make_contribution(component=component, author=maintainer)
    with pytest.raises(NotAllowed):
        review(reviewer=maintainer, contribution=contribution, verdict="approve")


@pytest.mark.attack("T03")
def test_a_demoted_maintainer_cannot_approve_from_an_old_page() -> None:
    contribution, (maintainer, _) = reviewed_contribution()
    contribution.component.maintainers.remove(maintainer)
    with pytest.raises(NotAllowed):
        review(reviewer=maintainer, contribution=contribution, verdict="approve")


def test_staff_who_maintain_nothing_do_not_review() -> None:
    contribution, _ = reviewed_contribution()
    with pytest.raises(NotAllowed):
        review(reviewer=make_person(is_staff=True), contribution=contribution, verdict="approve")


def test_an_executable_stands_on_the_release_it_was_made_for_and_where_it_is_run() -> None:
    contribution = released_contribution(kind="executable")
    other, third = make_release(contribution.component), make_release(contribution.component)
    say(contribution, "works")
    assert [standing.release for standing in contribution.standings.all()] == [contribution.release]
    say(contribution, "works", release=other)
    assert {standing.release for standing in contribution.standings.all()} == {contribution.release, other}
    assert not contribution.standings.filter(release=third).exists()
