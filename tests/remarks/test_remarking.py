"""Remarks on lines: who may leave, publish, answer, resolve, edit and remove them, and what becomes of two at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contributions.actions.remarking import (
    MOST_DRAFTS,
    Place,
    answer,
    discard,
    edit_remark,
    publish,
    remark,
    remove_remark,
    reopen,
    resolve,
)
from contributions.errors import Clash, Invalid, NotAllowed, TooLarge, TooMany
from contributions.models import Comment, Contribution, Event, LineComment, Person, Review
from tests import factories
from tests.factories import make_person, make_remark
from tests.remarks.together import at_once

if TYPE_CHECKING:
    from contributions.models import Revision

pytestmark = pytest.mark.django_db
SHELL = "swiftclient/shell.py"
LINE = "    backoff = options.backoff or 1"


@pytest.fixture
def author() -> Person:
    return make_person("author")


@pytest.fixture
def maintainer() -> Person:
    return make_person("maintainer")


@pytest.fixture
def contribution(author: Person, maintainer: Person) -> Contribution:
    component = factories.make_component(maintainers=(maintainer,))
    made = factories.make_contribution(component=component, author=author)
    made.refresh_from_db()
    return made


@pytest.fixture
def place(contribution: Contribution) -> Place:
    return Place(revision_of(contribution), SHELL, "new", 13, 13)


def revision_of(contribution: Contribution) -> Revision:
    assert contribution.current is not None
    return contribution.current


def test_a_draft_is_its_authors_alone_until_it_is_published(contribution: Contribution, place: Place) -> None:
    peer = make_person()
    draft = remark(author=peer, contribution=contribution, place=place, text="Why *one*?")
    assert (draft.quoted, draft.html) == (LINE, "<p>Why <em>one</em>?</p>")
    assert draft.before.endswith("        retries = 5")
    assert draft.after.startswith("    return Connection(")
    assert list(LineComment.objects.visible_to(peer)) == [draft]
    assert not LineComment.objects.visible_to(make_person()).exists()
    assert not Event.objects.filter(verb="remarked").exists()
    round_ = publish(author=peer, contribution=contribution)
    assert list(LineComment.objects.visible_to(make_person())) == [draft]
    assert round_.text == "1 remark on lines."


def test_a_round_is_one_comment_and_one_line_of_the_history(contribution: Contribution, place: Place) -> None:
    peer = make_person(organisation=factories.make_organisation())
    thread = make_remark(place.revision)
    for text in ("One.", "Two."):
        remark(author=peer, contribution=contribution, place=place, text=text)
    answer(author=peer, thread=thread, text="Three.")
    made = publish(author=peer, contribution=contribution, words="Please look at **these**.")
    assert list(made.line_comments.values_list("text", "parent")) == [
        ("One.", None), ("Two.", None), ("Three.", thread.pk)
    ]  # fmt: skip
    (event,) = Event.objects.filter(verb="remarked")
    assert (event.comment, event.actor, event.contribution) == (made, peer, contribution)
    assert not Event.objects.filter(verb="commented").exists()
    contribution.refresh_from_db()
    assert contribution.comment_count == 1
    with pytest.raises(Clash, match="no drafts"):
        publish(author=peer, contribution=contribution)


def test_a_round_without_words_says_what_is_in_it(contribution: Contribution, place: Place) -> None:
    peer, thread = make_person(), make_remark(place.revision)
    for _ in range(2):
        remark(author=peer, contribution=contribution, place=place, text="Hm.")
    answer(author=peer, thread=thread, text="Yes.")
    assert publish(author=peer, contribution=contribution).text == "2 remarks and 1 answer on lines."


def test_a_maintainers_round_carries_a_verdict(contribution: Contribution, place: Place, maintainer: Person) -> None:
    remark(author=maintainer, contribution=contribution, place=place, text="This leaks.")
    publish(author=maintainer, contribution=contribution, verdict="request-changes", revision=1)
    review = Review.objects.get()
    assert (review.reviewer, review.verdict, review.message) == (maintainer, "request-changes", "1 remark on lines.")
    contribution.refresh_from_db()
    assert contribution.state == "changes-requested"


def test_without_the_right_to_the_verdict_nothing_is_published(contribution: Contribution, place: Place) -> None:
    peer = make_person()
    remark(author=peer, contribution=contribution, place=place, text="Fine.")
    with pytest.raises(NotAllowed):
        publish(author=peer, contribution=contribution, verdict="approve")
    assert LineComment.objects.drafts_of(peer).count() == 1
    assert not Comment.objects.exists()


def test_a_single_remark_and_an_answer_are_published_at_once(contribution: Contribution, place: Place) -> None:
    peer = make_person()
    said = remark(author=peer, contribution=contribution, place=place, text="Why?", at_once=True)
    told = answer(author=contribution.author, thread=said, text="Because.", at_once=True)
    again = answer(author=peer, thread=told, text="I see.", at_once=True)
    assert (told.parent, again.parent) == (said, said), "threads are one level deep"
    assert Event.objects.filter(verb="remarked").count() == 3
    assert not LineComment.objects.filter(published_at=None).exists()


def test_a_remark_may_be_on_a_range_the_old_side_or_the_whole_file(contribution: Contribution, place: Place) -> None:
    peer, revision = make_person(), place.revision

    def on(*where: object) -> LineComment:
        return remark(author=peer, contribution=contribution, place=Place(revision, *where), text="Hm.")  # type: ignore[arg-type]

    assert on(SHELL, "new", 10, 14).quoted.count("\n") == 4
    assert on(SHELL, "old", 13, 13).quoted == "    return Connection(retries=retries)"
    assert on(SHELL).place == SHELL
    assert on("tests/test_shell.py", "new", 1, 2).place == "tests/test_shell.py:1-2"


@pytest.mark.parametrize(
    ("path", "side", "start", "end"),
    [
        (SHELL, "new", 900, 900),
        (SHELL, "new", 0, 3),
        (SHELL, "new", 14, 13),
        (SHELL, "new", 10, 10**9),
        (SHELL, "both", 13, 13),
        ("tests/test_shell.py", "old", 1, 1),
        ("etc/passwd", "new", 1, 1),
    ],
)
def test_where_there_are_no_lines_nothing_is_said(
    contribution: Contribution, path: str, side: str, start: int, end: int
) -> None:
    place = Place(revision_of(contribution), path, side, start, end)
    with pytest.raises((Invalid, TooLarge)):
        remark(author=make_person(), contribution=contribution, place=place, text="Hm.")
    assert not LineComment.objects.exists()


def test_lines_of_another_contribution_or_of_no_patch_are_refused(contribution: Contribution) -> None:
    other = revision_of(factories.make_contribution())
    note = factories.make_contribution(kind="experience")
    for about, revision in ((contribution, other), (note, note.current)):
        with pytest.raises(Invalid, match="no lines of this revision"):
            remark(author=make_person(), contribution=about, place=Place(revision, SHELL, "new", 13, 13), text="Hm.")


def test_a_suggestion_is_for_lines_that_a_form_gives_back_whole(contribution: Contribution, place: Place) -> None:
    peer, revision = make_person(), place.revision
    made = remark(author=peer, contribution=contribution, place=place, text="", suggestion="    backoff = 2\n")
    assert (made.suggests, made.suggestion) == (True, "    backoff = 2\n")
    with pytest.raises(Invalid, match="says what the lines say already"):
        remark(author=peer, contribution=contribution, place=place, text="", suggestion=LINE)
    old = Place(revision, SHELL, "old", 13, 13)
    with pytest.raises(Invalid, match="Only lines with the change"):
        remark(author=peer, contribution=contribution, place=old, text="", suggestion="x")
    with pytest.raises(Invalid, match="The remark is missing"):
        remark(author=peer, contribution=contribution, place=place, text=" ")


def test_nobody_keeps_drafts_without_end(contribution: Contribution, place: Place) -> None:
    peer = make_person()
    rows = [make_remark(place.revision, author=peer, published_at=None) for _ in range(MOST_DRAFTS)]
    with pytest.raises(TooMany):
        remark(author=peer, contribution=contribution, place=place, text="One more.")
    rows[0].delete()
    remark(author=peer, contribution=contribution, place=place, text="One more.")


def test_drafts_are_thrown_away_one_by_one_or_all(contribution: Contribution, place: Place) -> None:
    peer = make_person()
    drafts = [remark(author=peer, contribution=contribution, place=place, text="Hm.") for _ in range(3)]
    others = make_remark(place.revision, published_at=None)
    remove_remark(person=peer, remark=drafts[0])
    assert discard(person=peer, contribution=contribution) == 2
    assert list(LineComment.objects.all()) == [others]


@pytest.mark.parametrize("who", ["starter", "author", "maintainer", "staff"])
def test_a_thread_is_resolved_and_reopened_by_those_it_is_for(contribution: Contribution, who: str) -> None:
    thread = make_remark(revision_of(contribution))
    people = {"starter": thread.author, "author": contribution.author, "staff": make_person(is_staff=True)}
    people["maintainer"] = Person.objects.get(username="maintainer")
    for verb in (resolve, reopen):
        with pytest.raises(NotAllowed):
            verb(person=make_person(), thread=thread)
    assert resolve(person=people[who], thread=thread).resolved_by == people[who]
    with pytest.raises(Clash, match="resolved already"):
        resolve(person=people[who], thread=thread)
    assert not reopen(person=people[who], thread=thread).is_resolved
    assert list(Event.objects.order_by("pk").values_list("verb", flat=True)) == ["resolved", "reopened"]


def test_what_a_published_remark_said_before_can_be_read_on(contribution: Contribution) -> None:
    thread = make_remark(revision_of(contribution), "Firts.")
    with pytest.raises(NotAllowed):
        edit_remark(person=make_person(), remark=thread, text="Mine now.")
    edited = edit_remark(person=thread.author, remark=thread, text="First.")
    assert (edited.text, edited.html, edited.edited_at is not None) == ("First.", "<p>First.</p>", True)
    assert list(edited.edits.values_list("text", flat=True)) == ["Firts."]
    draft = make_remark(revision_of(contribution), published_at=None, suggests=True, suggestion="x")
    edit_remark(person=draft.author, remark=draft, text="Better.", suggestion="y")
    draft.refresh_from_db()
    assert (draft.text, draft.suggestion, draft.edits.count(), draft.edited_at) == ("Better.", "y", 0, None)


def test_what_is_removed_keeps_its_place_without_words(contribution: Contribution) -> None:
    thread = make_remark(revision_of(contribution), "Rude.", suggests=True, suggestion="rude")
    told = make_remark(revision_of(contribution), "Calm down.", parent=thread)
    edit_remark(person=thread.author, remark=thread, text="Ruder.")
    with pytest.raises(NotAllowed):
        remove_remark(person=told.author, remark=thread)
    with pytest.raises(Invalid, match="The reason is missing"):
        remove_remark(person=make_person(is_staff=True), remark=thread)
    remove_remark(person=make_person(is_staff=True), remark=thread, reason="Rude.")
    thread.refresh_from_db()
    assert (thread.text, thread.html, thread.suggestion, thread.suggests) == ("", "", "", False)
    assert not thread.edits.exists()
    assert not thread.is_resolved, "somebody answered"
    remove_remark(person=told.author, remark=told)
    with pytest.raises((Clash, NotAllowed)):
        remove_remark(person=thread.author, remark=thread)


def test_a_thread_without_a_word_left_waits_for_nobody(contribution: Contribution) -> None:
    thread = make_remark(revision_of(contribution))
    remove_remark(person=thread.author, remark=thread)
    thread.refresh_from_db()
    assert thread.is_resolved


@pytest.mark.parametrize("state", ["quarantined", "draft"])
def test_what_is_hidden_is_not_added_to(contribution: Contribution, place: Place, state: str) -> None:
    peer, thread = make_person(), make_remark(place.revision)
    remark(author=peer, contribution=contribution, place=place, text="Before.")
    columns = {"quarantined_at": thread.created_at} if state == "quarantined" else {"is_draft": True}
    Contribution.objects.filter(pk=contribution.pk).update(**columns)
    contribution.refresh_from_db()
    thread.refresh_from_db()
    with pytest.raises((Clash, NotAllowed)):
        remark(author=peer, contribution=contribution, place=place, text="Hm.")
    with pytest.raises((Clash, NotAllowed)):
        answer(author=peer, thread=thread, text="Hm.")
    with pytest.raises((Clash, NotAllowed)):
        publish(author=peer, contribution=contribution)
    assert LineComment.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_of_two_who_publish_at_once_one_does(contribution: Contribution, place: Place) -> None:
    peer = make_person()
    for text in ("One.", "Two."):
        remark(author=peer, contribution=contribution, place=place, text=text)

    told = at_once(4, lambda: publish(author=peer, contribution=contribution).text)
    assert min(told) == "2 remarks on lines."
    assert len([one for one in told if one.startswith("There are no drafts")]) == 3
    assert Comment.objects.count() == Event.objects.filter(verb="remarked").count() == 1
    assert LineComment.objects.published().count() == 2
