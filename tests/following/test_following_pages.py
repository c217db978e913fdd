"""The pages of following: the button, the lists, what is read, and the searches that are saved."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contributions.models import Event, Follow, Notification, SavedSearch
from contributions.models.news import rules_of
from tests import factories
from tests.api.conftest import Caller

if TYPE_CHECKING:
    from tests.pages.conftest import Platform

pytestmark = pytest.mark.django_db


def notify(platform: Platform, count: int = 1, role: str = "member") -> list[Notification]:
    person = platform.people[role]
    assert person is not None
    made = []
    for _ in range(count):
        event = Event.objects.write("commented", contribution=platform.contribution, comment=platform.comment)
        made.append(factories.make_notification(person, event))
    return made


def test_the_button_follows_says_so_and_leaves(platform: Platform) -> None:
    client = platform.client("member")
    pages = {
        "component": ("/components/swiftclient/", "swiftclient"),
        "release": ("/components/swiftclient/releases/4.7.0/", platform.release.slug),
        "person": ("/people/author/", "author"),
        "organisation": ("/organisations/northern-hosting/", "northern-hosting"),
        "contribution": (f"/contributions/{platform.contribution.pk}/", str(platform.contribution.pk)),
    }
    for kind, (page, key) in pages.items():
        assert b">Follow<" in client.get(page).content, kind
        form = {"thing": kind, "key": key, "act": "follow", "next": page}
        assert client.post("/follow/", form)["Location"] == page
        shown = client.get(page).content
        assert b">Following<" in shown, kind
        assert b"1 follower" in shown, kind
    assert client.get("/account/following/").content.count(b">Unfollow<") == 5
    client.post("/follow/", {"thing": "component", "key": "swiftclient", "act": "unfollow"})
    assert Follow.objects.count() == 4


def test_a_stranger_is_offered_to_follow_and_led_to_the_sign_in(platform: Platform) -> None:
    page = platform.client("stranger").get("/components/swiftclient/").content.decode()
    assert 'href="/account/login/?next=/components/swiftclient/">Follow</a>' in page


def test_only_a_contribution_is_muted_and_nobody_follows_themself(platform: Platform) -> None:
    client = platform.client("member")
    assert client.post("/follow/", {"thing": "component", "key": "swiftclient", "act": "mute"}).status_code == 400
    assert client.post("/follow/", {"thing": "person", "key": "member", "act": "follow"}).status_code == 400
    assert client.post("/follow/", {"thing": "wish", "key": "1", "act": "follow"}).status_code == 404
    assert client.post("/follow/", {"thing": "contribution", "key": "1" * 40, "act": "follow"}).status_code == 404
    assert client.post("/follow/", {"thing": "contribution", "key": "\u00b2", "act": "follow"}).status_code == 404
    number = str(platform.contribution.pk)
    client.post("/follow/", {"thing": "contribution", "key": number, "act": "mute"})
    assert b"Muted: hear of it again" in client.get(f"/contributions/{number}/").content


@pytest.mark.attack("W07")
def test_nobody_follows_what_they_may_not_know_of_nor_anothers_search(platform: Platform) -> None:
    client, author = platform.client("member"), platform.people["author"]
    mine = SavedSearch.objects.create(person=author, name="Mine", query="retries")
    for thing, key in (("contribution", platform.unreceived.pk), ("search", mine.pk)):
        assert client.post("/follow/", {"thing": thing, "key": str(key), "act": "follow"}).status_code == 404
        assert (
            platform.client("author").post("/follow/", {"thing": thing, "key": str(key), "act": "follow"}).status_code
            == 302
        )


def test_the_masthead_counts_what_is_unread(platform: Platform) -> None:
    client = platform.client("member")
    assert b"unread" not in client.get("/").content
    notify(platform, 3)
    assert b'data-state="open">3<span class="unseen"> unread' in client.get("/").content
    notify(platform, 120)
    assert b'data-state="open">99+<' in client.get("/").content


def test_opening_a_line_reads_it_and_what_came_before_of_the_same(platform: Platform) -> None:
    first, second, third = notify(platform, 3)
    client = platform.client("member")
    answer = client.get(f"/notifications/{second.pk}/")
    assert answer["Location"] == platform.comment.get_absolute_url()
    assert list(Notification.objects.unread()) == [third]
    assert platform.client("author").get(f"/notifications/{first.pk}/").status_code == 404, "it is not theirs"


def test_lines_are_gathered_by_contribution_and_marked_together(platform: Platform) -> None:
    notify(platform, 2)
    other = factories.make_contribution(component=platform.component, title="Count the bytes")
    event = Event.objects.write("approved", contribution=other, revision=other.current)
    factories.make_notification(platform.people["member"], event)  # type: ignore[arg-type]
    client = platform.client("member")
    page = client.get("/notifications/").content.decode()
    assert page.count('<section class="told-group">') == 2
    assert page.index("Count the bytes") < page.index("Wait longer"), "the newest first"
    assert "because you follow it" in page
    lines = re.findall(r'name="line" value="(\d+)"', page)
    assert client.post("/notifications/read/", {"line": lines[:1]}).status_code == 302
    assert Notification.objects.unread().count() == 2
    client.post("/notifications/read-all/")
    assert Notification.objects.unread().count() == 0
    assert b"Nothing is unread" in client.get("/notifications/").content
    assert b"Count the bytes" in client.get("/notifications/?show=all").content


@pytest.mark.attack("W07")
def test_nobody_marks_what_another_has_not_read(platform: Platform) -> None:
    [line] = notify(platform)
    platform.client("author").post("/notifications/read/", {"line": [line.pk]})
    assert Notification.objects.unread().count() == 1
    platform.client("member").post("/notifications/read/", {"line": [line.pk]})
    assert Notification.objects.unread().count() == 0


def test_a_search_is_saved_renamed_and_removed(platform: Platform) -> None:
    client = platform.client("member")
    assert b"Save this search" in client.get("/contributions/?q=retries").content
    assert b'value="retries"' in client.get("/account/following/?q=retries").content
    saved = {"name": "Retries", "query": "retries", "is_followed": "on"}
    assert client.post("/account/searches/", saved).status_code == 302
    [search] = SavedSearch.objects.all()
    assert Follow.objects.get().search == search
    again = client.post("/account/searches/", {"name": "Retries", "query": "other words"})
    assert again.status_code == 409
    assert b"You have a search called" in again.content
    assert b'value="other words"' in again.content, "nothing that was typed is lost"
    assert client.post("/account/searches/", {"name": "Long", "query": "x" * 301}).status_code == 400
    client.post(f"/account/searches/{search.pk}/rename/", {"name": "Fewer retries"})
    assert b"Fewer retries" in client.get("/account/following/").content
    client.post(f"/account/searches/{search.pk}/remove/")
    assert SavedSearch.objects.count() == Follow.objects.count() == 0


def test_the_rules_of_mail_are_chosen_on_a_page(platform: Platform) -> None:
    client = platform.client("member")
    form = {"recall_mail": "none", "yours": "weekly", "following": "never"}
    assert client.post("/account/notices/", form).status_code == 302
    member = Caller(platform.people["member"]).person
    assert member is not None
    member.refresh_from_db()
    expected = {"yours": "weekly", "following": "never", "direct": "now", "searches": "daily"}
    assert rules_of(member) | expected == rules_of(member)
    assert member.recall_mail == "none"
    assert client.post("/account/notices/", form | {"yours": "hourly"}).status_code == 400
    assert b"New flags" not in client.get("/account/notices/").content
    assert b"New flags" in platform.client("staff").get("/account/notices/").content


def test_the_same_by_rest(platform: Platform) -> None:
    caller = Caller(platform.people["member"])
    number = platform.contribution.pk
    assert caller.put("follows/component/swiftclient/", {}).json()["muted"] is False
    assert caller.put(f"follows/contribution/{number}/", {"muted": True}).json()["muted"] is True
    assert caller.put("follows/component/swiftclient/", {"muted": True}).status_code == 400
    assert {row["kind"] for row in caller.listed("follows/")} == {"component", "contribution"}
    assert caller.call("delete", f"follows/contribution/{number}/").status_code == 204
    assert len(caller.listed("follows/")) == 1
    made = caller.post("searches/", {"name": "Retries", "query": "retries"}).json()
    assert made["is_followed"] is True
    assert caller.put(f"searches/{made['id']}/", {"name": "Other"}).json()["name"] == "Other"
    assert [row["name"] for row in caller.listed("searches/")] == ["Other"]
    assert caller.call("delete", f"searches/{made['id']}/").status_code == 204
    rules = caller.put("me/mail/", {"rules": {"yours": "weekly"}}).json()["rules"]
    assert (rules["yours"], rules["direct"]) == ("weekly", "now")
    assert caller.put("me/mail/", {"rules": {"weather": "daily"}}).status_code == 400
    assert caller.put("me/mail/", {"rules": {"questions": "weekly"}}).status_code == 400
    assert caller.get("me/mail/").json()["rules"] == rules


def test_what_was_told_is_read_by_rest(platform: Platform) -> None:
    first, _ = notify(platform, 2)
    caller = Caller(platform.people["member"])
    rows = caller.listed("notifications/")
    assert [row["why"] for row in rows] == ["following"] * 2
    assert rows[0]["page"].endswith(platform.comment.get_absolute_url())
    assert caller.post("notifications/read/", {"ids": [first.pk]}).json() == {"read": 1, "unread": 1}
    assert len(caller.listed("notifications/?unread=true")) == 1
    assert caller.post("notifications/read/", {"contribution": platform.contribution.pk}).json()["unread"] == 0


@pytest.mark.parametrize(
    "address", ["/api/v1/notifications/", "/api/v1/follows/", "/api/v1/searches/", "/notifications/"]
)
def test_no_list_asks_more_for_more_rows(platform: Platform, address: str) -> None:
    member = platform.people["member"]
    assert member is not None
    client = platform.client("member")

    def queries(count: int) -> int:
        for number in range(count):
            contribution = factories.make_contribution(component=platform.component)
            for verb in ("received", "reported", "published", "fitted"):
                about = {"revision": contribution.current, "release": platform.release}
                event = Event.objects.write(verb, actor=contribution.author, contribution=contribution, **about)
                factories.make_notification(member, event)
            said = factories.make_comment(contribution)
            event = Event.objects.write("commented", actor=said.author, contribution=contribution, comment=said)
            factories.make_notification(member, event)
            Follow.objects.create(person=member, contribution=contribution)
            search = SavedSearch.objects.create(person=member, name=f"{count}-{number}", query="retries")
            Follow.objects.create(person=member, search=search)
        client.get(address)
        with CaptureQueriesContext(connection) as captured:
            assert client.get(address).status_code == 200
        return len(captured)

    assert queries(1) == queries(8)
