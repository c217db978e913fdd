"""The page on which conflicts are settled: without script, losing nothing that was typed, for its own person alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from django.test import Client

from contributions.errors import LeaseLost
from contributions.models import Contribution, Settlement
from contributions.pipeline.reconciling import reconcile
from tests.factories import make_person
from tests.pages.conftest import signed_in
from tests.platform import SONG_REWRITTEN

from .test_settling import move

if TYPE_CHECKING:
    from contributions.models import Component, Person
    from tests.platform import Upstream

pytestmark = pytest.mark.django_db


class Browser:
    """Somebody at the page of one contribution and 4.0."""

    def __init__(self, contribution: Contribution, person: Person | None = None) -> None:
        self.person = person or make_person()
        self.client = signed_in(self.person)
        self.slug = contribution.component.releases.get(name="4.0").slug
        self.at = f"/contributions/{contribution.pk}/ports/settle/"
        self.page = f"{self.at}?release={self.slug}"

    def read(self, more: str = "") -> str:
        return self.client.get(self.page + more).content.decode()

    def send(self, **fields: str) -> tuple[int, str]:
        answer = self.client.post(self.at, {"release": self.slug, **fields})
        return answer.status_code, answer.content.decode()

    def work(self) -> Settlement:
        row = Settlement.objects.get(person=self.person)
        reconcile(row.pk)
        row.refresh_from_db()
        return row

    def place(self) -> str:
        [name] = re.findall(r'<textarea name="text-([0-9a-f]{20})"', self.read())
        return str(name)

    def begin(self) -> str:
        assert self.send()[0] == 302
        self.work()
        return self.place()


@pytest.fixture
def browser(loud: Contribution) -> Browser:
    return Browser(loud)


def test_the_whole_way_without_script(browser: Browser, loud: Contribution) -> None:
    fit = browser.client.get(f"/contributions/{loud.pk}/fits/4.0/").content.decode()
    assert f'href="{browser.page}"' in fit
    assert "Show the conflicts" in browser.read()
    assert browser.send()[0] == 302
    assert "A worker lays the patch" in browser.read()
    browser.work()
    page, place = browser.read(), browser.place()
    assert "verse XIV\nverse XV\nverse 14\nverse FIFTEEN\n</textarea>" in page
    assert page.count('type="radio"') == 5
    seen = Settlement.objects.get().passes_id or ""
    typed = {f"choice-{place}": "text", f"text-{place}": "verse XIV\r\nVERSE XV\r\n"}
    assert browser.send(seen=seen, **typed)[0] == 302
    browser.work()
    page = browser.read()
    assert "This is the port to 4.0" in page
    assert "VERSE XV" in page
    patch = browser.client.get(f"/contributions/{loud.pk}/ports/settled/{browser.slug}.patch")
    assert b"+VERSE XV\n" in b"".join(patch.streaming_content)
    sent = browser.client.post(f"{browser.at}propose/", {"release": browser.slug, "reason": "Romans."})
    assert sent.status_code == 302
    assert loud.revisions.get(number=2).note == "Romans."


def test_what_was_answered_can_be_mended(browser: Browser) -> None:
    place = browser.begin()
    browser.send(**{f"choice-{place}": "theirs"})
    browser.work()
    page = browser.read("&commit=1")
    assert re.search(rf'name="choice-{place}" value="theirs"[^>]* checked', page)
    browser.send(**{f"choice-{place}": "text", f"text-{place}": "  mine"})
    row = browser.work()
    assert row.mbox is not None
    assert b"+  mine\n" in row.mbox.read()


def test_what_cannot_be_used_stands_beside_its_field_with_what_was_typed(browser: Browser) -> None:
    place = browser.begin()
    status, page = browser.send(**{f"choice-{place}": "text", f"text-{place}": "mine\n>>>>>>> theirs\n"})
    assert status == 400
    assert "A conflict marker was left in the text: &gt;&gt;&gt;&gt;&gt;&gt;&gt; theirs" in page
    assert "mine\n&gt;&gt;&gt;&gt;&gt;&gt;&gt; theirs\n</textarea>" in page
    assert browser.send(**{f"choice-{place}": "both"})[0] == 400
    assert browser.send(**{f"choice-{place}": "theirs"})[0] == 302, "the control"


def test_nothing_typed_is_lost_when_the_release_moves(
    browser: Browser, upstream: Upstream, component: Component
) -> None:
    place, seen = browser.begin(), Settlement.objects.get().passes_id or ""
    moved = upstream.commit("Sing softer", song__txt=SONG_REWRITTEN.replace("verse XV\n", "verse 15, softly\n"))
    move(component, moved)
    typed = {f"choice-{place}": "text", f"text-{place}": "all of my work\n"}
    status, page = browser.send(seen=seen, **typed)
    assert status == 409
    assert "What you wrote is kept" in page
    browser.work()
    page = browser.read()
    assert "verse 15, softly" in page
    assert "conflicts that are no more" in page
    assert "all of my work" in page


def test_nothing_typed_is_lost_while_the_worker_is_at_it(browser: Browser) -> None:
    place = browser.begin()
    Settlement.objects.update(state="queued")
    status, page = browser.send(**{f"choice-{place}": "text", f"text-{place}": "all of my work\n"})
    assert status == 409
    assert "all of my work\n</textarea>" in page


def test_a_blank_answer_is_left_open(browser: Browser) -> None:
    browser.begin()
    status, _ = browser.send(seen=Settlement.objects.get().passes_id or "")
    assert status == 302
    assert browser.work().state == "asks"


def test_nobody_else_sees_it(browser: Browser, loud: Contribution) -> None:
    place = browser.begin()
    browser.send(**{f"choice-{place}": "text", f"text-{place}": "between us\n"})
    browser.work()
    patch = f"/contributions/{loud.pk}/ports/settled/{browser.slug}.patch"
    other = Browser(loud)
    assert "between us" not in other.read()
    assert other.client.get(patch).status_code == 404
    assert other.client.post(f"{browser.at}propose/", {"release": browser.slug}).status_code == 409
    stranger = Client()
    assert stranger.get(patch).status_code == stranger.get(browser.page).status_code == 302
    assert "between us" in browser.read(), "the control"


def test_the_page_wants_a_release_that_there_is(browser: Browser) -> None:
    assert browser.client.get(browser.at).status_code == 404
    assert browser.client.get(f"{browser.at}?release=9.9").status_code == 404
    assert browser.client.get(f"{browser.at}?release=4.0").status_code == 200


def test_the_pages_around_lead_to_it(browser: Browser, loud: Contribution, component: Component) -> None:
    new = browser.client.get(f"/contributions/{loud.pk}/ports/new/?release=4.0").content.decode()
    assert browser.page in new
    assert "ports/settle" not in browser.client.get(f"/contributions/{loud.pk}/ports/new/?release=1.0").content.decode()
    assert browser.page in Client().get(f"/components/{component.slug}/releases/4.0/ports/").content.decode()
    assert "ports/settle" not in browser.client.get(f"/contributions/{loud.pk}/fits/1.0/").content.decode()


def test_markup_in_what_conflicts_is_text(browser: Browser) -> None:
    place = browser.begin()
    browser.send(**{f"choice-{place}": "text", f"text-{place}": "</textarea><script>alert(1)</script>\n"})
    browser.work()
    for page in (browser.read(), browser.read("&commit=1")):
        assert "<script>alert" not in page
    assert "&lt;/textarea&gt;&lt;script&gt;alert(1)" in browser.read("&commit=1"), "the control: it is there as text"


def test_answers_are_thrown_away_by_whom_they_are_of(browser: Browser, loud: Contribution) -> None:
    place, other = browser.begin(), Browser(loud)
    other.begin()
    browser.send(**{f"choice-{place}": "theirs"})
    assert "Throw your answers away" in browser.read()
    gone = browser.client.post(f"{browser.at}throw-away/", {"release": browser.slug})
    assert (gone.status_code, gone["Location"]) == (302, f"/contributions/{loud.pk}/fits/4.0/")
    assert [row.person for row in Settlement.objects.all()] == [other.person]
    assert browser.client.post(f"{browser.at}throw-away/", {"release": browser.slug}).status_code == 404
    assert "Show the conflicts" in browser.read()
    browser.begin()
    assert Settlement.objects.get(person=browser.person).answers == {}


def test_a_worker_that_is_at_it_meanwhile_leaves_nothing(browser: Browser) -> None:
    browser.send()
    row = Settlement.objects.claim(Settlement.objects.get().pk)
    assert row is not None
    browser.client.post(f"{browser.at}throw-away/", {"release": browser.slug})
    with pytest.raises(LeaseLost):
        row.finish(Settlement.State.ASKS, sentence="")
    assert not Settlement.objects.exists()
