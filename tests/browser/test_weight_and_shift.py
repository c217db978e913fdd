"""A list page is light, and nothing on a page moves once it is there."""

from __future__ import annotations

import gzip
from typing import Any

import pytest

from tests.factories import make_component, make_contribution, make_person, make_release

pytestmark = pytest.mark.django_db(transaction=True)

BUDGET = 100_000  # bytes of HTML, style and script, compressed
WATCH_SHIFTS = """
window.shifted = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted += entry.value;
}).observe({type: "layout-shift", buffered: true});
"""


@pytest.fixture
def address() -> str:
    release = make_release(make_component("swift"))
    author = make_person("author")
    made = [
        make_contribution(release=release, author=author, title=f"Wait longer between retries of part {number}")
        for number in range(35)
    ]
    return f"/contributions/{made[0].pk}/"


@pytest.mark.parametrize("path", ["/contributions/", "/", "{one}", "{one}changes/", "{one}discussion/"])
def test_a_page_is_light_and_stands_still(visit: Any, address: str, path: str) -> None:
    visitor = visit(360)
    visitor.page.add_init_script(WATCH_SHIFTS)
    weights: dict[str, int] = {}

    def weigh(answer: Any) -> None:
        if answer.request.resource_type in {"document", "stylesheet", "script"}:
            weights[answer.url] = len(gzip.compress(answer.body()))

    visitor.page.on("response", weigh)
    visitor.go(path.format(one=address))
    visitor.page.wait_for_load_state("networkidle")
    assert sum(weights.values()) < BUDGET, weights
    assert any(url.endswith(".css") for url in weights), "the style was weighed"
    assert visitor.page.evaluate("window.shifted") < 0.01


def test_the_watch_sees_a_page_that_moves(visit: Any) -> None:
    """The control."""
    visitor = visit(360)
    visitor.page.add_init_script(WATCH_SHIFTS)
    visitor.go("/")
    visitor.page.wait_for_load_state("networkidle")
    visitor.page.evaluate(
        """() => {
            const late = document.createElement("div");
            late.style.height = "300px";
            document.querySelector("main").prepend(late);
        }"""
    )
    visitor.page.wait_for_function("window.shifted > 0.01")
