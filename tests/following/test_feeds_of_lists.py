"""Atom of every list: whole, told apart, not sent twice, and with nothing in it that is not everybody's."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from django.test import Client

from contributions.actions.commenting import comment
from contributions.models import Contribution
from tests import factories
from tests.api.conftest import make_token

if TYPE_CHECKING:
    from tests.pages.conftest import Platform

pytestmark = pytest.mark.django_db
ATOM = "{http://www.w3.org/2005/Atom}"
HOLDING = (
    "/contributions.atom",
    "/contributions.atom?q=retries",
    "/contributions.atom?component=swiftclient&kind=refinement&state=open&release=4.7.0",
    "/components/swiftclient.atom",
    "/components/swiftclient/releases/4.7.0.atom",
    "/people/author.atom",
    "/organisations/northern-hosting.atom",
    "/contributions/{c}.atom",
)
OTHERS = ("/components.atom", "/organisations.atom", "/builds.atom", "/audit.atom")


@pytest.fixture
def shared(platform: Platform) -> Platform:
    Contribution.objects.filter(pk=platform.contribution.pk).update(organisation=platform.organisation)
    factories.recompute(platform.contribution)
    author = platform.people["member"]
    assert author is not None
    comment(author=author, contribution=platform.contribution, text="It <b>works</b> & *well*.")
    return platform


def read(url: str, **headers: str) -> list[ET.Element]:
    answer = Client().get(url, headers=headers)
    assert answer.status_code == 200, url
    assert answer["Content-Type"] == "application/atom+xml; charset=utf-8"
    root = ET.fromstring(answer.content)  # noqa: S314 - our own answer
    for needed in ("id", "title", "updated"):
        assert root.findtext(f"{ATOM}{needed}"), url
    return list(root.iter(f"{ATOM}entry"))


def titles(url: str, **headers: str) -> list[str]:
    return [entry.findtext(f"{ATOM}title") or "" for entry in read(url, **headers)]


@pytest.mark.parametrize("url", HOLDING + OTHERS)
def test_entries_are_told_apart_and_a_feed_that_is_known_is_not_sent_again(shared: Platform, url: str) -> None:
    url = url.format(c=shared.contribution.pk)
    entries = read(url)
    assert entries
    assert len({entry.findtext(f"{ATOM}id") for entry in entries}) == len(entries)
    browser = Client()
    browser.cookies["a"] = "b"  # so that no kept page answers
    etag = browser.get(url)["ETag"]
    assert browser.get(url, headers={"If-None-Match": etag}).status_code == 304
    Contribution.objects.update(title="Another title")
    factories.make_build(shared.contribution.current, factories.make_release(shared.component))
    factories.make_organisation()
    factories.make_component()
    comment(author=shared.contribution.author, contribution=shared.contribution, text="More.")
    assert browser.get(url, headers={"If-None-Match": etag}).status_code == 200


@pytest.mark.attack("W16")
@pytest.mark.parametrize("url", [*HOLDING, "/audit.atom", "/builds.atom"])
def test_no_feed_tells_of_a_draft_or_of_what_is_in_quarantine(shared: Platform, url: str) -> None:
    url = url.format(c=shared.contribution.pk)
    secret = "Wait longer between retries"
    assert secret in Client().get("/contributions.atom").content.decode(), "the control"
    number = f"#{shared.contribution.pk} "
    for hidden in ({"quarantined_at": "2026-01-01T00:00Z"}, {"is_draft": True, "quarantined_at": None}):
        Contribution.objects.filter(pk=shared.contribution.pk).update(**hidden)
        for client in (Client(), shared.client("author")):  # a session shows no more: feed readers have none
            text = client.get(url).content.decode()
            assert secret not in text
            assert number not in text
            assert "It &lt;b&gt;works" not in text
            assert "commented" not in text


def test_a_token_shows_what_its_owner_may_know_of_and_a_wrong_one_is_refused(shared: Platform) -> None:
    Contribution.objects.filter(pk=shared.contribution.pk).update(quarantined_at="2026-01-01T00:00Z")
    author = shared.people["author"]
    assert author is not None
    secret = make_token(author, "read")
    assert titles("/contributions.atom") == []
    answer = Client().get("/contributions.atom", headers={"Authorization": f"Token {secret}"})
    assert b"Wait longer between retries" in answer.content
    assert answer["Cache-Control"] == "private, no-cache"
    wrong = Client().get("/contributions.atom", headers={"Authorization": "Token pb_wrong"})
    assert wrong.status_code == 401


def test_what_is_said_comes_as_clean_html_and_what_was_removed_does_not(shared: Platform) -> None:
    url = f"/contributions/{shared.contribution.pk}.atom"
    [said] = [entry for entry in read(url) if "commented" in (entry.findtext(f"{ATOM}title") or "")]
    assert "<em>well</em>" in (said.findtext(f"{ATOM}summary") or "")
    assert "<b>" not in (said.findtext(f"{ATOM}summary") or "")
    shared.contribution.comments.update(removed_at="2026-01-01T00:00Z", text="", html="")
    assert not [title for title in titles(url) if "commented" in title]


def test_narrowing_leaves_out_the_rest(shared: Platform) -> None:
    assert titles("/contributions.atom") == [shared.contribution.title]
    factories.make_contribution(title="Something else", kind="improvement")
    assert len(titles("/contributions.atom")) == 2
    assert len(titles("/contributions.atom?kind=improvement")) == 1
    assert titles("/contributions.atom?component=swiftclient") == ["Wait longer between retries"]
    assert Client().get("/contributions.atom?release=none").status_code == 400


def test_an_empty_feed_is_whole_and_always_the_same() -> None:
    first, second = (Client().get("/contributions.atom?q=nothing").content for _ in range(2))
    assert first == second
    assert read("/contributions.atom?q=nothing") == []


@pytest.mark.parametrize("page", ["/contributions/?q=retries", "/components/swiftclient/", "/contributions/{c}/"])
def test_a_page_names_its_feed(shared: Platform, page: str) -> None:
    html = Client().get(page.format(c=shared.contribution.pk)).content.decode()
    found = html.split('<link rel="alternate" type="application/atom+xml"')[2].split('href="', 1)[1].split('"')[0]
    assert read(found.replace("&amp;", "&"))
