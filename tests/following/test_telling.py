"""Who is told of what: each once, for the best reason, never of their own doings nor of what they may not know of."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from contributions.actions.commenting import comment
from contributions.actions.flagging import flag
from contributions.actions.following import follow, mute, save_search, unfollow
from contributions.actions.reporting import report
from contributions.actions.reviewing import review
from contributions.models import Event, Follow, Notification, Person, Telling
from contributions.pipeline import telling
from contributions.pipeline.receiving import _accept
from contributions.pipeline.telling import tell_waiting
from tests import factories
from tests.api.conftest import Caller

if TYPE_CHECKING:
    from contributions.models import Contribution
    from tests.pages.conftest import Platform

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _told(request: pytest.FixtureRequest) -> None:
    """What the platform was made with is told already."""
    if "platform" in request.fixturenames:
        request.getfixturevalue("platform")
        tell_waiting()
        Notification.objects.all().delete()


def told() -> dict[str, str]:
    """Who was told since the last time, and why."""
    tell_waiting()
    found = {row.person.username: row.why for row in Notification.objects.select_related("person")}
    Notification.objects.all().delete()
    return found


def person(platform: Platform, role: str) -> Any:
    return platform.people[role]


def appear(**given: Any) -> Contribution:
    """Something that has just been received for the first time."""
    contribution = factories.make_contribution(received=False, **given)
    revision = factories.make_revision(contribution, state="running")
    with transaction.atomic():
        _accept(revision)
    contribution.refresh_from_db()
    return contribution


def test_the_author_is_told_of_a_comment_and_whoever_said_something_before(platform: Platform) -> None:
    comment(author=person(platform, "member"), contribution=platform.contribution, text="Fine.")
    assert told() == {"author": "author"}
    comment(author=person(platform, "maintainer"), contribution=platform.contribution, text="Indeed.")
    assert told() == {"author": "author", "member": "part"}


def test_who_is_mentioned_or_answered_is_told_that(platform: Platform) -> None:
    said = platform.comment
    comment(author=person(platform, "author"), contribution=platform.contribution, text="@staff look.", parent=said)
    assert told() == {"member": "answer", "staff": "mention"}


def test_nobody_is_told_of_what_they_did_themselves(platform: Platform) -> None:
    author = person(platform, "author")
    comment(author=author, contribution=platform.contribution, text="@author it is I.", parent=None)
    assert told() == {}


def test_whoever_muted_it_hears_nothing_of_it_and_whoever_follows_it_again_does(platform: Platform) -> None:
    author, member = person(platform, "author"), person(platform, "member")
    mute(person=author, contribution=platform.contribution)
    comment(author=member, contribution=platform.contribution, text="@author?")
    assert told() == {}
    follow(person=author, thing=platform.contribution)
    comment(author=member, contribution=platform.contribution, text="And now?")
    assert told() == {"author": "author"}


def test_taking_part_again_does_not_unmute(platform: Platform) -> None:
    member = person(platform, "member")
    mute(person=member, contribution=platform.contribution)
    comment(author=member, contribution=platform.contribution, text="Fine.")
    told()
    assert Follow.objects.get(person=member).is_muted
    unfollow(person=member, thing=platform.contribution)
    comment(author=member, contribution=platform.contribution, text="Fine.")
    told()
    assert not Follow.objects.get(person=member).is_chosen


def test_reports_reviews_and_approvals_reach_the_author(platform: Platform) -> None:
    report(
        author=person(platform, "member"),
        contribution=platform.contribution,
        release=platform.release,
        outcome="works",
        stage="lab",
    )
    assert told() == {"author": "author"}
    review(reviewer=person(platform, "maintainer"), contribution=platform.contribution, verdict="approve")
    assert told() == {"author": "author", "member": "part"}


def test_followers_of_anything_it_belongs_to_hear_of_a_new_contribution(platform: Platform) -> None:
    author = person(platform, "author")
    things = {
        "by-component": platform.component, "by-release": platform.release, "by-person": author,
        "by-organisation": platform.organisation,
    }  # fmt: skip
    for name, thing in things.items():
        follow(person=factories.make_person(name), thing=thing)
    appear(author=author, organisation=platform.organisation, release=platform.release)
    expected = dict.fromkeys(things, "following") | {"maintainer": "review"}
    assert told() == expected


def test_a_second_revision_is_told_to_its_followers_and_its_reviewers_alone(platform: Platform) -> None:
    follow(person=factories.make_person("by-component"), thing=platform.component)
    contribution = appear(author=person(platform, "author"), component=platform.component)
    told()
    follow(person=factories.make_person("follower"), thing=contribution)
    with transaction.atomic():
        _accept(factories.make_revision(contribution, state="running"))
    assert told() == {"follower": "following", "maintainer": "review"}


@pytest.mark.attack("W16")
def test_what_is_a_draft_or_in_quarantine_is_told_to_nobody_who_may_not_know_of_it(platform: Platform) -> None:
    follow(person=factories.make_person("by-component"), thing=platform.component)
    draft = appear(author=person(platform, "author"), component=platform.component, is_draft=True)
    assert told() == {}
    type(draft).objects.filter(pk=draft.pk).update(is_draft=False)
    follow(person=person(platform, "author"), thing=platform.component)
    Event.objects.write("shared", contribution=draft)  # by itself, after it was seen that nothing is like it
    assert told() == {"by-component": "following", "maintainer": "review"}, "the control: now everybody may know"
    follow(person=factories.make_person("follower"), thing=draft)
    type(draft).objects.filter(pk=draft.pk).update(quarantined_at="2026-01-01T00:00Z")
    draft.refresh_from_db()
    comment(author=person(platform, "staff"), contribution=draft, text="@member and @maintainer, look.")
    assert told() == {"author": "author", "maintainer": "mention"}


@pytest.mark.attack("W16")
def test_the_list_of_what_is_followed_tells_nothing_of_what_went_out_of_sight(platform: Platform) -> None:
    follow(person=person(platform, "member"), thing=platform.contribution)
    caller, page = Caller(person(platform, "member")), "/account/following/"
    title = platform.contribution.title
    assert title in caller.client.get(page).content.decode()
    assert len(caller.listed("follows/")) == 1
    type(platform.contribution).objects.update(quarantined_at="2026-01-01T00:00Z")
    assert title not in caller.client.get(page).content.decode()
    assert caller.listed("follows/") == []


@pytest.mark.attack("W16")
def test_what_went_out_of_sight_since_is_not_shown(platform: Platform) -> None:
    member = person(platform, "member")
    follow(person=member, thing=platform.contribution)
    comment(author=person(platform, "staff"), contribution=platform.contribution, text="A secret.")
    tell_waiting()
    client = platform.client("member")
    assert b"A secret." in client.get("/notifications/").content
    type(platform.contribution).objects.update(quarantined_at="2026-01-01T00:00Z")
    page = client.get("/notifications/").content
    assert b"A secret." not in page
    assert platform.contribution.title.encode() not in page
    assert client.get(f"/notifications/{Notification.objects.get(person=member).pk}/").status_code == 404


def test_suspended_people_are_told_nothing(platform: Platform) -> None:
    Person.objects.filter(username="author").update(is_active=False)
    comment(author=person(platform, "member"), contribution=platform.contribution, text="Hm.")
    assert told() == {}


def test_staff_hear_of_a_new_flag_and_nobody_else_does(platform: Platform) -> None:
    factories.make_person("other", is_staff=True)
    flag(reporter=person(platform, "staff"), thing=platform.contribution, reason="spam")
    assert told() == {"other": "staff"}


def test_the_author_hears_of_failed_builds_and_of_the_first_that_passes(platform: Platform) -> None:
    def built(state: str) -> dict[str, str]:
        revision = platform.contribution.current
        build = factories.make_build(revision, factories.make_release(platform.component), state=state)
        about = {"contribution": platform.contribution, "revision": revision, "release": build.release, "build": build}
        Event.objects.write("built", text=state, **about)
        return told()

    assert built("passed") == {"author": "author"}
    assert built("passed") == {}
    assert built("failed") == {"author": "author"}


def test_of_verdicts_the_author_hears_what_a_release_turned_and_no_more(platform: Platform) -> None:
    release = factories.make_release(platform.component)
    about = {"contribution": platform.contribution, "revision": platform.contribution.current, "release": release}
    for text in ("conflicts", "applies", "upstream"):
        Event.objects.write("fitted", text=text, **about)
        assert told() == {}
    Event.objects.write("stranded", **about)
    assert told()["author"] == "author"
    release.move("retired")
    Event.objects.write("taken", **about)
    assert told() == {}, "nobody works on a retired release"


def test_a_release_is_told_to_those_who_follow_its_component(platform: Platform) -> None:
    follow(person=person(platform, "member"), thing=platform.component)
    release = factories.make_release(platform.component)
    Event.objects.write("released", component=platform.component, release=release)
    assert told() == {"member": "following"}


def test_a_saved_search_tells_of_what_is_new_in_it_once(platform: Platform) -> None:
    searcher = factories.make_person("searcher")
    save_search(person=searcher, name="Retries", query="kettles")
    save_search(person=factories.make_person("silent"), name="Retries", query="kettles", is_followed=False)
    appear(component=platform.component, title="Elsewhere")
    assert told() == {"maintainer": "review"}
    match = appear(component=platform.component, title="Fewer kettles")
    assert told() == {"maintainer": "review", "searcher": "search"}
    Event.objects.write("approved", contribution=match, revision=match.current)
    assert "searcher" not in told()


def test_a_search_that_means_its_owner_is_asked_for_each_and_never_tells_of_ones_own(platform: Platform) -> None:
    author, other = person(platform, "author"), factories.make_person("searcher")
    for searcher in (author, other):
        save_search(person=searcher, name="Kettles", query="kettles")
        save_search(person=searcher, name="Followed", query="is:following")
    mine = appear(component=platform.component, author=author, title="Fewer kettles")
    assert told() == {"maintainer": "review", "searcher": "search"}
    follow(person=other, thing=mine)
    with transaction.atomic():
        _accept(factories.make_revision(mine, state="running"))
    assert told() == {"maintainer": "review", "searcher": "following"}, "it is not new, so no search tells of it"


def test_an_invitation_is_told_on_the_site_and_has_a_letter_of_its_own(platform: Platform) -> None:
    about = {"subject": person(platform, "member"), "organisation": platform.organisation}
    Event.objects.write("invited", actor=person(platform, "author"), **about)
    tell_waiting()
    line = Notification.objects.get()
    assert (line.person.username, line.why, line.due_at) == ("member", "you", None)
    page = platform.client("member").get("/notifications/").content.decode()
    assert "author invited you to Northern Hosting" in page
    assert platform.client("member").get(f"/notifications/{line.pk}/")["Location"] == "/account/invitations/"


def test_one_event_is_told_once_however_often_it_is_told(platform: Platform) -> None:
    comment(author=person(platform, "member"), contribution=platform.contribution, text="Fine.")
    event = Event.objects.newest_first().filter(verb="commented").first()
    tell_waiting()
    Telling.objects.create(event=event)
    tell_waiting()
    assert Notification.objects.count() == 1


def test_what_cannot_be_told_holds_up_nothing_and_is_tried_again(platform: Platform, monkeypatch: Any) -> None:
    def fall(event: Event) -> None:
        if event.comment and event.comment.text == "Bad.":
            raise ValueError(event)
        kept(event)

    kept = telling.tell
    monkeypatch.setattr(telling, "tell", fall)
    for text in ("Bad.", "Good."):
        comment(author=person(platform, "member"), contribution=platform.contribution, text=text)
    tell_waiting()
    assert [row.event.comment.text for row in Notification.objects.all()] == ["Good."]
    assert Telling.objects.get().attempts == 3
    monkeypatch.undo()
    assert telling.begin_again() == 1
    tell_waiting()
    assert Notification.objects.count() == 2


def test_ten_thousand_followers_cost_as_many_queries_as_ten(platform: Platform) -> None:
    def queries(count: int) -> int:
        people = Person.objects.bulk_create(
            Person(username=f"f{count}-{number}", email="f@example.org") for number in range(count)
        )
        Follow.objects.bulk_create(Follow(person=row, component=platform.component) for row in people)
        appear(component=platform.component, title="Retries")
        with CaptureQueriesContext(connection) as captured:
            tell_waiting()
        return len(captured)

    assert queries(10) == queries(10_000)
    assert Notification.objects.filter(why="following").count() == 10 + 10_010


@pytest.mark.django_db(transaction=True)
def test_an_event_that_is_committed_late_is_told_too(platform: Platform) -> None:
    """Its number is smaller than that of one that was told before."""
    begun, told_other = threading.Event(), threading.Event()

    def slowly() -> None:
        with transaction.atomic():
            Event.objects.write("reviewed", actor=person(platform, "maintainer"), contribution=platform.contribution)
            begun.set()
            told_other.wait(20)
        connections.close_all()

    thread = threading.Thread(target=slowly)
    thread.start()
    begun.wait(20)
    comment(author=person(platform, "member"), contribution=platform.contribution, text="Fine.")
    tell_waiting()
    assert [row.event.verb for row in Notification.objects.all()] == ["commented"]
    told_other.set()
    thread.join()
    tell_waiting()
    rows = Notification.objects.select_related("event").order_by("pk")
    assert [row.event.verb for row in rows] == ["commented", "reviewed", "reviewed"]
    assert rows[0].event_id > rows[1].event_id


@pytest.mark.django_db(transaction=True)
def test_two_who_tell_at_once_tell_of_each_event_once(platform: Platform) -> None:
    for number in range(10):
        follow(person=factories.make_person(f"follower{number}"), thing=platform.contribution)
    for number in range(15):
        comment(author=person(platform, "member"), contribution=platform.contribution, text=f"{number}")

    def tell() -> None:
        tell_waiting()
        connections.close_all()

    threads = [threading.Thread(target=tell) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Telling.objects.count() == 0
    assert Notification.objects.count() == 15 * 11  # ten followers and the author


@pytest.mark.django_db(transaction=True)
def test_telling_that_is_cut_short_in_the_middle_leaves_all_to_the_next(platform: Platform, monkeypatch: Any) -> None:
    comment(author=person(platform, "member"), contribution=platform.contribution, text="@staff and @maintainer.")

    class Killed(BaseException):
        """As when the process goes."""

    def cut(self: Any, *given: Any) -> None:
        kept(self, *given)
        raise Killed

    kept = type(Notification.objects.all()).tell
    monkeypatch.setattr(type(Notification.objects.all()), "tell", cut)
    with pytest.raises(Killed):
        tell_waiting()
    assert Notification.objects.count() == 0
    monkeypatch.undo()
    assert told() == {"author": "author", "staff": "mention", "maintainer": "mention"}
