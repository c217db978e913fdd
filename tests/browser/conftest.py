"""A real Chromium on the real site; every page that a test opens is also held to the house rules of pages."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from tests.factories import PASSWORD
from tests.platform import _kept_apart, author, component, recipe, upstream  # noqa: F401 - fixtures
from tests.worker.conftest import crew  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from contributions.models import Person

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
QUIET = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NOTE_VIOLATIONS = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.violatedDirective}: ${event.blockedURI || event.sourceFile}`));
"""
PAGE_SECONDS = 20


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.fail("No Chromium is at hand: install Debian's package chromium.")
    # Playwright keeps an event loop in this thread; Django would take every query for one made inside a coroutine.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    arguments = [*QUIET, "--no-sandbox"] if os.geteuid() == 0 else [*QUIET]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@dataclass
class Visitor:
    """One person's browser window on the site."""

    page: Page
    site: str
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(PAGE_SECONDS * 1000)
        self.page.on("console", lambda message: self._heard(message.type, message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(f"script error: {error}"))

    def _heard(self, kind: str, text: str) -> None:
        if kind == "error" and "Failed to load resource" not in text:
            self.complaints.append(f"console: {text}")

    def go(self, path: str) -> Page:
        answer = self.page.goto(self.site + path)
        assert answer is not None
        assert answer.status < 500, f"{path} answered {answer.status}"
        return self.page

    def log_in(self, person: Person) -> None:
        self.go("/account/login/")
        self.page.get_by_label("Login").or_(self.page.get_by_label("Username")).first.fill(person.username)
        self.page.get_by_label("Password").first.fill(PASSWORD)
        self.page.locator("main form button").first.click()
        self.page.wait_for_url(lambda url: "/login" not in url)

    def check(self) -> None:
        """The page as it stands breaks no rule: no CSP violation, no script error, nothing that axe finds."""
        violations = self.page.evaluate("window.violations")
        assert not violations, f"{self.page.url}: {violations}"
        assert not self.complaints, f"{self.page.url}: {self.complaints}"
        found = Axe().run(self.page)
        assert found.violations_count == 0, f"{self.page.url}: {found.generate_report()}"

    def check_width(self) -> None:
        """Nothing is wider than the window, so nobody scrolls sideways; wide tables scroll within themselves."""
        wide = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{self.page.url} is {wide} pixels too wide"


@pytest.fixture
def visit(browser: Browser, live_server: Any, tmp_path: Path) -> Iterator[Any]:
    """Open a new window: `visit(width=360, scheme="dark")`."""
    contexts = []

    def opened(width: int = 1280, scheme: str = "light", *, scripts: bool = True) -> Visitor:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
            java_script_enabled=scripts,
            accept_downloads=True,
        )
        context.add_init_script(NOTE_VIOLATIONS)
        contexts.append(context)
        return Visitor(context.new_page(), live_server.url)

    yield opened
    for number, context in enumerate(contexts):
        for page in context.pages:
            page.screenshot(path=tmp_path / f"window-{number}.png")
            print(f"{page.url}\n{page.inner_text('body')[:2000]}")  # noqa: T201 - shown when a test fails
        context.close()
