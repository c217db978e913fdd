"""Finding in a browser: completion by keyboard, results while typing, and the same without script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests import factories

if TYPE_CHECKING:
    from contributions.models import Contribution

pytestmark = pytest.mark.django_db(transaction=True)
WINDOWS = [(360, "light"), (360, "dark"), (1280, "light"), (1280, "dark")]


@pytest.fixture
def patch() -> Contribution:
    component = factories.make_component("swift", name="Swift")
    for name in ("2.35.0", "2.36.0"):
        release = factories.make_release(component, name)
    made = factories.make_contribution(
        component=component, release=release, title="Wait longer between retries",
        description="The ring retries for ever when a node is slow, and no log says so.",
    )  # fmt: skip
    for number in range(8):
        other = factories.make_contribution(
            component=component, release=release, title=f"Balance ring {number}", received=False
        )
        factories.make_revision(other, diff=None)
    return made


def test_filters_are_completed_by_keyboard(visit: Any, patch: Contribution) -> None:
    visitor = visit()
    page = visitor.go("/contributions/")
    box = page.locator("#finder-q")
    box.press_sequentially("retries comp")
    offer = page.locator("#finder-q-offers [role=option]")
    expect(offer).to_contain_text(["component:"])
    assert box.get_attribute("aria-expanded") == "true"
    box.press("ArrowDown")
    assert box.get_attribute("aria-activedescendant") == offer.first.get_attribute("id")
    assert offer.first.get_attribute("aria-selected") == "true"
    visitor.check()
    box.press("Enter")
    expect(box).to_have_value("retries component:")
    expect(offer).to_have_text(["component:swift Swift"])
    box.press("ArrowDown")
    box.press("Tab")
    expect(box).to_have_value("retries component:swift ")
    expect(offer).to_contain_text(["Wait longer between retries"])
    box.press("Escape")
    expect(page.locator("#finder-q-offers")).to_be_hidden()
    box.press("Enter")
    page.wait_for_url("**/contributions/?q=retries+component*")
    expect(page.locator(".row-title")).to_have_count(1)
    expect(page.locator("mark").first).to_have_text("retries")
    assert patch.title


def test_results_are_offered_on_every_page_and_lead_there(visit: Any, patch: Contribution) -> None:
    visitor = visit()
    page = visitor.go("/components/")
    page.keyboard.press("/")
    page.keyboard.type("longer")
    result = page.locator("#masthead-q-offers [role=option]")
    expect(result).to_contain_text(["Wait longer between retries"])
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/contributions/{patch.pk}/")


def test_a_filter_is_chosen_and_taken_away_without_script(visit: Any, patch: Contribution) -> None:
    visitor = visit(scripts=False)
    page = visitor.go("/contributions/?q=retries")
    page.locator(".narrow summary").click()
    page.get_by_label("Component").select_option("swift")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#finder-q")).to_have_value("retries component:swift")
    page.get_by_role("list", name="Filters").get_by_role("link").click()
    expect(page.locator("#finder-q")).to_have_value("retries")
    assert patch.title


@pytest.mark.parametrize(("width", "scheme"), WINDOWS)
def test_the_pages_of_the_search_hold_the_rules(visit: Any, patch: Contribution, width: int, scheme: str) -> None:
    visitor = visit(width, scheme)
    paths = {
        "words": "/contributions/?q=retries+component:swift+-kind:executable&order=newest",
        "problem": "/contributions/?q=compnent:swift",
        "respelled": "/contributions/?q=retreis",
        "help": "/search/help/",
        "list": "/contributions/",
    }
    for path in paths.values():
        visitor.go(path)
        visitor.check_width()
        visitor.check()
        visitor.complaints.clear()
    page = visitor.go("/contributions/")
    page.locator("#finder-q").press_sequentially("ring fits:")
    expect(page.locator("#finder-q-offers [role=option]").first).to_be_visible()
    visitor.check_width()
    visitor.check()
    assert patch.title
