"""Reading a change in Chromium: files load as they are reached, nothing moves, and keys and marks work."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from contributions.models import Viewed
from contributions.views.diffs import anchor_of
from tests import factories
from tests.reading import PNG, make_change

if TYPE_CHECKING:
    from pathlib import Path

    from contributions.models import Revision

pytestmark = pytest.mark.django_db(transaction=True)

SONG = "".join(f"def verse_{n}(x):\n    return x + {n}\n\n" for n in range(100))
SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    if (entry.hadRecentInput) continue;
    const what = entry.sources.map((source) => [source.node?.className, source.previousRect.y, source.currentRect.y]);
    window.shifts.push([entry.value, what]);
  }
}).observe({ type: "layout-shift", buffered: true });
"""


@pytest.fixture
def revision(tmp_path: Path) -> Revision:
    sung = SONG.replace("return x + 50", "return x * 2 + 50").replace("x + 80\n", "y + 80\n")
    before: dict[str, bytes | None] = {"a/server.py": SONG.encode(), "logo.png": PNG}
    after = {"a/server.py": sung.encode(), "logo.png": PNG + b"more"}
    lines = b"".join(b"line %d of a new file\n" % number for number in range(60))
    return make_change(tmp_path / "git", before, after | {f"z/part{n:02}.txt": lines for n in range(90)})


def address(revision: Revision, query: str = "", place: str = "") -> str:
    return f"/contributions/{revision.contribution_id}/changes/?revision=1{query}{place}"


def test_files_load_as_they_are_reached_and_nothing_moves(visit: Any, revision: Revision) -> None:
    reader = visit()
    reader.page.add_init_script(SHIFTS)
    page = reader.go(address(revision))
    page.wait_for_selector(f"#{anchor_of('z/part00.txt')} table")
    page.route("**part=files**", lambda route: (page.wait_for_timeout(1000), route.continue_()))  # a slow server
    assert page.locator("section.file").count() == 60
    last = page.locator(f"#{anchor_of('z/part89.txt')} table")
    assert last.count() == 0
    for _ in range(80):
        page.mouse.wheel(0, 1500)
        page.wait_for_timeout(100)
        if last.count():
            break
    assert page.locator("section.file").count() == 92
    last.wait_for()
    shifts = page.evaluate("window.shifts")
    assert sum(value for value, _ in shifts) < 0.02, shifts
    assert not page.evaluate("window.violations")
    assert not reader.complaints


def test_lines_are_opened_picked_and_linked_to(visit: Any, revision: Revision) -> None:
    reader, name = visit(), anchor_of("a/server.py")
    page = reader.go(address(revision, "&file=0"))
    assert page.locator(f"#{name}R140").count() == 0
    page.get_by_label("Show lines 129 to 148", exact=True).click()
    page.wait_for_selector(f"#{name}R140")
    assert page.locator(".hunk").count() == 3, "the rest is still hidden"
    page.locator(f"#{name}R149 a").click()
    page.locator(f"#{name}R152 a").click(modifiers=["Shift"])
    assert page.url.endswith(f"#{name}R149-R152")
    assert page.locator(".number.picked").count() == 4
    page.goto("about:blank")
    reader.go(address(revision, place=f"#{name}R30"))  # a line that was hidden, in a link that somebody sent
    page.wait_for_selector(f"#{name}R30.picked")
    assert page.locator(f"#{name}R30").is_visible()
    reader.check()
    reader.check_width()


def test_keys_go_from_file_to_file_and_mark_them(visit: Any, revision: Revision) -> None:
    reader = visit(width=360, scheme="dark")
    reader.log_in(factories.make_person("reader"))
    page = reader.go(address(revision))
    reader.check_width()
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.closest('.file').id") == anchor_of("a/server.py")
    page.keyboard.press("n")
    assert "x * 2" in page.locator("tr.here").evaluate("row => row.nextElementSibling.textContent")
    page.keyboard.press("x")
    assert page.locator(f"#{anchor_of('a/server.py')} .file-fold").get_attribute("open") is None
    page.keyboard.press("v")
    page.get_by_text("1 of 92 viewed").wait_for(state="attached")
    assert Viewed.objects.get().path == "a/server.py"
    assert page.locator(f"#{anchor_of('a/server.py')}[data-viewed]").count() == 1
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.closest('.file').id") == anchor_of("logo.png")
    assert page.locator("img[src*='/pictures/']").first.evaluate("picture => picture.naturalWidth") == 2
    page.keyboard.press("k")
    page.keyboard.press("v")
    page.get_by_text("0 of 92 viewed").wait_for(state="attached")
    assert not page.evaluate("window.violations")
    assert not reader.complaints


def test_all_of_it_works_without_script(visit: Any, revision: Revision) -> None:
    reader = visit(scripts=False)
    reader.log_in(factories.make_person("reader"))
    page = reader.go(address(revision, "&view=split"))
    assert page.locator("section.file").count() == 60
    assert page.locator(".copy-link").first.is_hidden()
    assert page.locator(".file-room").first.is_hidden()
    page.locator(f"#{anchor_of('a/server.py')}").get_by_text("↑ 20 lines").first.click()
    assert re.search(r"context=\d+-\d+", page.url)
    page.go_back()
    page.locator(f"#{anchor_of('a/server.py')}").get_by_role("button", name="Viewed").click()
    page.get_by_text("1 of 92 viewed").wait_for()
    assert "view=split" in page.url
    page.get_by_text("The next files").click()
    page.locator(f"#{anchor_of('z/part89.txt')}").get_by_text("Show it").click()
    assert page.get_by_text("line 59 of a new file").is_visible()
    page.get_by_text("All files").click()
