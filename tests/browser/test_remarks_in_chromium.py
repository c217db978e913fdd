"""Remarking on a range, publishing, a revision that moves it, taking a suggestion in: with a mouse and with keys."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from playwright.sync_api import expect

from contributions.actions.sources import PatchFile
from contributions.actions.submitting import revise, submit
from contributions.models import LineComment
from contributions.pipeline.receiving import receive
from contributions.views.diffs import anchor_of
from tests.factories import make_person
from tests.platform import SONG_MENDED, Upstream

if TYPE_CHECKING:
    from contributions.models import Component, Contribution, Person

pytestmark = pytest.mark.django_db(transaction=True)
SONG = anchor_of("song.txt")
SHOTS = os.environ.get("SHOTS", "")


def shot(visitor: Any, name: str) -> None:
    if SHOTS:
        visitor.page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


def source(upstream: Upstream, text: str) -> PatchFile:
    mail = upstream.patch("1.0", "Count to fifteen in words", song__txt=text)
    return PatchFile(SimpleUploadedFile("0001.patch", mail))


def receive_newest(contribution: Contribution) -> None:
    receive(contribution.revisions.order_by("-number").first().pk)


@pytest.fixture
def contribution(author: Person, component: Component, upstream: Upstream) -> Contribution:
    release = component.releases.get(name="1.0")
    given: dict[str, Any] = {"kind": "refinement", "title": "Count to fifteen in words", "release": release}
    made = submit(author=author, component=component, source=source(upstream, SONG_MENDED), **given)
    receive_newest(made)
    return made


def test_a_range_is_remarked_on_published_moved_and_its_suggestion_taken(
    visit: Any, contribution: Contribution, author: Person, upstream: Upstream
) -> None:
    leave_a_round(visit(), contribution)
    revise(author=author, contribution=contribution, source=source(upstream, "overture\n" + SONG_MENDED))
    receive_newest(contribution)
    read_it_further_down(visit(360, "dark"), contribution)
    answer_resolve_and_take(visit(), contribution, author)
    assert not LineComment.objects.threads().unresolved().exists()


def leave_a_round(peer: Any, contribution: Contribution) -> None:
    peer.log_in(make_person("peer"))
    changes = f"/contributions/{contribution.pk}/changes/"
    page = peer.go(changes)
    page.locator(f"#{SONG}R14 a").click()
    page.locator(f"#{SONG}R15").hover()
    page.get_by_role("button", name="Remark on line 15").click(modifiers=["Shift"])
    expect(page.locator(".remark-form")).to_contain_text("lines 14 to 15")
    page.get_by_label("Remark", exact=True).fill("Sing **both** in words.")
    page.get_by_text("Suggest an edit").click()
    expect(page.get_by_label("Suggested lines")).to_have_value("verse 14\nverse fifteen")
    page.get_by_label("Suggested lines").fill("verse fourteen\nverse fifteen")
    shot(peer, "form")
    peer.check()
    page.get_by_role("button", name="Keep as a draft").click()
    expect(page.locator(".line-thread[data-state='draft']")).to_contain_text("Sing both in words.")
    expect(page.locator("#draft-bar")).to_contain_text("1 draft")
    peer.check()

    page.locator(f"#{SONG}R16 a").focus()
    page.keyboard.press("c")
    page.get_by_label("Remark", exact=True).fill("And here?")
    page.get_by_role("button", name="Keep as a draft").click()
    expect(page.locator("#draft-bar")).to_contain_text("2 drafts")
    shot(peer, "drafts")
    page.locator("#draft-bar summary").click()
    page.get_by_label("Cover words").fill("Two things.")
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.locator("main")).to_contain_text("Two things.")
    peer.check()


def read_it_further_down(stranger: Any, contribution: Contribution) -> None:
    page = stranger.go(f"/contributions/{contribution.pk}/changes/")
    expect(page.locator("tr:has(.line-thread)").first).to_contain_text("Sing both in words.")
    above = page.evaluate(f"document.getElementById('{SONG}R16').closest('tr').nextElementSibling.innerText")
    assert "Sing both in words." in above, "one line further down"
    shot(stranger, "moved-360-dark")
    stranger.check()
    stranger.check_width()


def answer_resolve_and_take(owner: Any, contribution: Contribution, author: Person) -> None:
    owner.log_in(author)
    page = owner.go(f"/contributions/{contribution.pk}/remarks/")
    page.keyboard.press("n")
    expect(page.locator(".line-thread").first).to_be_focused()
    page.keyboard.press("n")
    expect(page.locator(".line-thread").nth(1)).to_be_focused()
    page.keyboard.press("p")
    page.locator(".line-thread").first.get_by_text("Answer", exact=True).click()
    page.get_by_label(re.compile("Answer to")).first.fill("Yes, here.")
    page.get_by_role("button", name="Answer now").first.click()
    expect(page.locator(".line-thread").first).to_contain_text("Yes, here.")
    page.locator(".line-thread").first.get_by_role("button", name="Resolve").click()
    expect(page.locator(".line-thread[data-state='resolved']")).to_have_count(1)
    page.get_by_label("Take this edit").check()
    shot(owner, "list")
    owner.check()
    page.get_by_role("button", name="Take the chosen edits").click()
    expect(page.locator("main")).to_contain_text("v3 is being made")
    receive_newest(contribution)
    page = owner.go(f"/contributions/{contribution.pk}/changes/")
    expect(page.locator(".diff-unified .added", has_text="verse fourteen").first).to_be_visible()
    shot(owner, "taken")
    owner.check()


def test_all_of_it_works_without_script(visit: Any, contribution: Contribution, author: Person) -> None:
    peer = visit(360, scripts=False)
    peer.log_in(make_person("peer"))
    page = peer.go(f"/contributions/{contribution.pk}/changes/")
    page.get_by_role("link", name="Remark on this file").first.click()
    page.get_by_label("from").fill("15")
    page.get_by_role("button", name="look at them").click()
    expect(page.locator(".picked")).to_contain_text("verse fifteen")
    page.get_by_label("Remark", exact=True).fill("Why?")
    page.get_by_text("Suggest an edit").click()
    page.get_by_label("Suggest these lines instead").check()
    page.get_by_label("Suggested lines").fill("verse 15 (fifteen)")
    shot(peer, "new-360")
    page.get_by_role("button", name="Publish this remark").click()
    expect(page.locator("main")).to_contain_text("Your remark is published.")
    owner = visit(scripts=False)
    owner.log_in(author)
    page = owner.go(f"/contributions/{contribution.pk}/changes/")
    page.get_by_role("button", name="Take this edit").click()
    expect(page.locator("main")).to_contain_text("v2 is being made")
