"""Following in a real browser: with script the button changes in place, without it the page comes again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from contributions.models import Follow
from tests import factories

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_button_follows_in_place_and_leaves_again(visit: Any) -> None:
    person, component = factories.make_person("ada"), factories.make_component("swift")
    visitor = visit(360, "dark")
    visitor.log_in(person)
    page = visitor.go(component.get_absolute_url())
    page.evaluate("window.kept = true")
    page.get_by_role("button", name="Follow", exact=True).click()
    page.get_by_role("button", name="Following").wait_for()
    assert page.get_by_text("1 follower").is_visible()
    assert page.evaluate("window.kept") is True, "the page stayed"
    assert Follow.objects.filter(person=person, component=component).exists()
    page.get_by_role("button", name="Following").click()
    page.get_by_role("button", name="Follow", exact=True).wait_for()
    assert not Follow.objects.exists()
    visitor.check()


def test_without_script_the_page_comes_again(live_server: Any, browser: Browser) -> None:
    factories.make_person("ada")
    component = factories.make_component("swift")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{live_server.url}/account/login/?next={component.get_absolute_url()}")
    page.locator("input[name=login]").fill("ada")
    page.locator("input[name=password]").fill(factories.PASSWORD)
    page.locator("main form button").first.click()
    page.get_by_role("button", name="Follow", exact=True).click()
    assert page.get_by_role("button", name="Following").is_visible()
    assert page.url.endswith(component.get_absolute_url())
    context.close()
