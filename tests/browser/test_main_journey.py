"""The whole way of a contribution in a browser, with a real worker behind it; and the same without scripts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.factories import make_person
from tests.platform import SONG_MENDED, Upstream
from tests.worker.conftest import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from contributions.models import Component, Person, Recipe
    from tests.worker.conftest import Crew

pytestmark = pytest.mark.django_db(transaction=True)
BUILD_MILLISECONDS = 60_000


@pytest.fixture
def patch(upstream: Upstream, tmp_path: Path) -> Path:
    path = tmp_path / "0001-count.patch"
    path.write_bytes(upstream.patch("1.0", "Count to fifteen in words", song__txt=SONG_MENDED))
    return path


def fill_submit_form(page: Any, component: Component, patch: Path) -> None:
    page.get_by_label(re.compile("Refinement")).check()
    page.get_by_label("Component").select_option(component.slug)
    page.get_by_label("Made for release").select_option(label=f"{component.name} 1.0")
    page.get_by_label("Title").fill("Count to fifteen in words")
    page.get_by_label("Patch file").set_input_files(patch)
    page.get_by_label("Description").fill("Words are **easier** to sing.")
    page.get_by_role("button", name="Share it").click()


def test_a_patch_is_shared_built_judged_approved_and_downloaded(
    visit: Any, crew: Crew, author: Person, component: Component, recipe: Recipe, patch: Path
) -> None:
    recipe.build = "echo singing; sleep 4; mkdir -p dist; cp song.txt dist/song-$VERSION.txt"
    recipe.save()
    component.releases.exclude(name="1.0").update(state="retired")
    maintainer, voter = make_person("maintainer"), make_person("voter")
    component.maintainers.add(maintainer)
    crew.start_worker()

    sender = visit()
    sender.log_in(author)
    sender.go("/submit/")
    fill_submit_form(sender.page, component, patch)
    sender.page.wait_for_url(re.compile(r"/contributions/\d+/"))
    contribution = sender.page.url
    expect(sender.page.get_by_role("heading", level=1)).to_contain_text("Count to fifteen in words")

    def building() -> bool:
        sender.page.goto(contribution + "matrix/")
        return sender.page.locator("main a[href^='/builds/']").count() > 0

    wait_for(building, "a build to be listed")
    sender.page.locator("main a[href^='/builds/']").first.click()
    expect(sender.page.locator("main")).to_contain_text("singing", timeout=BUILD_MILLISECONDS)
    expect(sender.page.locator("main")).to_contain_text("passed", timeout=BUILD_MILLISECONDS)
    sender.check()

    peer = visit(360, "dark")
    peer.log_in(voter)
    peer.go(contribution.removeprefix(peer.site))
    peer.page.locator("form[action$='/vote/'] button").first.click()
    expect(peer.page.locator("main")).to_contain_text("1")
    peer.go(contribution.removeprefix(peer.site) + "discussion/")
    peer.page.locator("form[action$='/comment/'] textarea").first.fill("We sing it **daily**.")
    peer.page.locator("form[action$='/comment/'] button").first.click()
    expect(peer.page.locator("main strong", has_text="daily")).to_be_visible()
    peer.check()

    judge = visit()
    judge.log_in(maintainer)
    judge.go("/review/")
    judge.page.get_by_role("link", name="Count to fifteen in words").click()
    judge.page.get_by_label(re.compile("Approve")).check()
    judge.page.get_by_role("button", name="Record the verdict").click()
    expect(judge.page.locator("main .facts .state").first).to_have_text("approved")

    def published() -> bool:
        judge.page.goto(judge.site + "/published/")
        return judge.page.locator("main a[href^='/publications/']").count() > 0

    wait_for(published, "the publication")
    judge.page.locator("main a[href^='/publications/']").first.click()
    with judge.page.expect_download() as download:
        judge.page.locator("main a[href^='/files/']").first.click()
    assert download.value.path().read_text() == SONG_MENDED
    judge.check()


def test_what_was_typed_survives_a_refusal(visit: Any, author: Person, component: Component, patch: Path) -> None:
    sender = visit()
    sender.log_in(author)
    sender.go("/submit/")
    page = sender.page
    page.evaluate("document.querySelector('main form').noValidate = true")
    page.get_by_label(re.compile("Refinement")).check()
    page.get_by_label("Component").select_option(component.slug)
    page.get_by_label("Title").fill("Count to fifteen in words")
    page.get_by_label("Patch file").set_input_files(patch)
    page.get_by_role("button", name="Share it").click()
    expect(page.locator("main")).to_contain_text("release")
    expect(page.get_by_label("Title")).to_have_value("Count to fifteen in words")
    expect(page.locator("main")).to_contain_text("0001-count.patch")
    sender.check()
    page.get_by_label("Made for release").select_option(label=f"{component.name} 1.0")
    page.get_by_role("button", name="Share it").click()
    page.wait_for_url(re.compile(r"/contributions/\d+/"))


def test_the_same_can_be_done_without_scripts(visit: Any, author: Person, component: Component, patch: Path) -> None:
    sender = visit(scripts=False)
    sender.log_in(author)
    sender.go("/submit/")
    fill_submit_form(sender.page, component, patch)
    sender.page.wait_for_url(re.compile(r"/contributions/\d+/"))
    expect(sender.page.get_by_role("heading", level=1)).to_contain_text("Count to fifteen in words")
