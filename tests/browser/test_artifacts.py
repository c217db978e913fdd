"""A file that is a page in disguise is downloaded by a real browser, and nothing in it runs at the portal's origin."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Error

from tests.factories import make_artifact

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Route

pytestmark = pytest.mark.django_db(transaction=True)

SCRIPT = "document.title = 'owned'; document.cookie = 'owned=1'"
PAGES = {
    "evil.html": f"<!DOCTYPE html><title>fine</title><script>{SCRIPT}</script>",
    "evil.svg": f"<svg xmlns='http://www.w3.org/2000/svg'><script>{SCRIPT}</script></svg>",
    "evil.xhtml": f"<html xmlns='http://www.w3.org/1999/xhtml'><head><script>{SCRIPT}</script></head></html>",
}


@pytest.mark.attack("W03")
@pytest.mark.parametrize("name", PAGES)
def test_a_page_in_disguise_is_downloaded_and_does_not_run(visit: Callable[..., Any], name: str) -> None:
    content = PAGES[name].encode()
    artifact = make_artifact(name=name, content=content)
    visitor = visit()
    visitor.go(f"/artifacts/{artifact.pk}/")
    visitor.check()
    with visitor.page.expect_download() as begun, pytest.raises(Error, match="Download is starting"):
        visitor.page.goto(visitor.site + artifact.get_absolute_url())
    assert Path(begun.value.path()).read_bytes() == content
    assert visitor.page.evaluate("document.cookie") == ""
    visitor.page.set_content(f"<iframe src='{visitor.site}{artifact.get_absolute_url()}'></iframe>")
    visitor.page.wait_for_timeout(300)
    assert "owned" not in {frame.title() for frame in visitor.page.frames}


def test_the_same_page_runs_where_nothing_holds_it(visit: Callable[..., Any]) -> None:
    """The control: the scripts are live ones."""
    for name, content in PAGES.items():
        visitor = visit()
        kind = "image/svg+xml" if name.endswith(".svg") else "text/html"
        visitor.page.route("**/evil", answering(content, kind))
        visitor.page.goto(visitor.site + "/evil")
        assert visitor.page.evaluate("document.cookie") == "owned=1"
        visitor.page.goto("about:blank")


def answering(content: str, kind: str) -> Callable[[Route], None]:
    def answer(route: Route) -> None:
        route.fulfill(body=content, content_type=kind)

    return answer
