"""Experience notes: shared, read, edited, and where they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from contributions.models import Contribution
from contributions.pipeline.receiving import receive
from tests import factories

if TYPE_CHECKING:
    from tests.pages.conftest import Platform

NOTE = "# Before you begin\n\nStop *nothing*.\n\n## <b>Rings</b>\n\nMove them."


@pytest.fixture
def note(platform: Platform) -> Contribution:
    """A note by the author, shared by the page's own form and received."""
    newer = factories.make_release(platform.component, "4.8.0")
    form = {
        "kind": "experience",
        "component": "swiftclient",
        "title": "Moving rings",
        "description": NOTE,
        "holds_for": [platform.release.slug, newer.slug],
    }
    answer = platform.client("author").post("/submit/", form)
    assert answer.status_code == 302
    made = Contribution.objects.get(title="Moving rings")
    receive(made.revisions.get().pk)
    made.refresh_from_db()
    return made


def page_of(platform: Platform, note: Contribution, query: str = "") -> str:
    return platform.client("stranger").get(f"/contributions/{note.pk}/{query}").content.decode()


def test_a_note_shows_where_it_holds_and_what_it_contains(platform: Platform, note: Contribution) -> None:
    page = page_of(platform, note)
    assert "guide for 4.7.0 and 4.8.0" in page
    assert '<li data-level="3"><a href="#note-before-you-begin">Before you begin</a></li>' in page
    assert '<li data-level="4"><a href="#note-b-rings-b">&lt;b&gt;Rings&lt;/b&gt;</a></li>' in page
    assert '<h3 id="note-before-you-begin">' in page
    assert sorted(note.standings.values_list("release__name", flat=True)) == ["4.7.0", "4.8.0"]


def test_only_the_releases_that_a_note_holds_for_rank_it(platform: Platform, note: Contribution) -> None:
    factories.make_release(platform.component, "4.9.0")
    factories.recompute(note)
    assert sorted(note.standings.values_list("release__name", flat=True)) == ["4.7.0", "4.8.0"]
    note.holds_for.clear()
    factories.recompute(note)
    assert note.standings.count() == 3, "the control: one that names none holds everywhere"


def test_a_note_is_edited_in_a_form_that_has_its_text(platform: Platform, note: Contribution) -> None:
    client, url = platform.client("author"), f"/contributions/{note.pk}/revise/"
    page = client.get(url).content.decode()
    assert "## &lt;b&gt;Rings&lt;/b&gt;" in page
    assert page.count("checked") == 2
    assert client.post(url, {"description": "", "note": "Gone."}).status_code == 400
    sent = {"description": "Do not.", "note": "It breaks.", "holds_for": [platform.release.slug]}
    assert client.post(url, sent).status_code == 302
    assert "Stop <em>nothing</em>." in page_of(platform, note), "not before it is received"
    receive(note.revisions.get(number=2).pk)
    page = page_of(platform, note)
    assert "<p>Do not.</p>" in page
    assert "It breaks." in page
    assert "guide for 4.7.0 " in page
    assert "note-contents" not in page
    old = page_of(platform, note, "?revision=1")
    assert "Stop <em>nothing</em>." in old
    assert "This is v1; the newest is" in old


def test_a_revision_that_was_not_received_is_not_shown(platform: Platform, note: Contribution) -> None:
    factories.make_revision(note, state="refused", source="note", text="zebra", html="<p>zebra</p>", diff=None)
    assert platform.status("stranger", f"/contributions/{note.pk}/?revision=2") == 404
    assert platform.status("stranger", f"/contributions/{note.pk}/?revision=1") == 200


def test_releases_chosen_for_a_patch_are_left_aside(platform: Platform) -> None:
    form = {
        "kind": "refinement",
        "component": "swiftclient",
        "title": "A fix",
        "release": platform.release.slug,
        "patch": SimpleUploadedFile("a.patch", factories.DIFF),
        "holds_for": [platform.release.slug],
    }
    assert platform.client("author").post("/submit/", form).status_code == 302
    assert not Contribution.objects.get(title="A fix").holds_for.exists()
