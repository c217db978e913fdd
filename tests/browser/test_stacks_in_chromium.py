"""Stacks in Chromium: made, changed and read without script, at both widths, in light and in dark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests import factories

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.django_db(transaction=True)
MEETINGS = ("conflict", "ordered", "fine")


def many_laid() -> Any:
    """A stack of nine whose pairs meet in every way, laid with conflicts."""
    organisation = factories.make_organisation("Northern Hosting")
    author = factories.make_person("author", organisation=organisation)
    release = factories.make_release(factories.make_component("swift"), "2.36.0")
    titles = ["Wait longer between retries", "Close the socket when the proxy gives up on a slow backend", "Log names"]
    patches = [factories.make_contribution(release=release, title=titles[n % 3], author=author) for n in range(9)]
    for patch in patches[:4]:
        factories.make_fit(patch.current, release)
    stack = factories.make_stack(*patches, author=author, name="Production, region north", note="What we run.")
    row = factories.make_assembly(stack)
    keys = [patch.pk for patch in patches]
    row.pairs = [
        {"a": keys[a], "b": keys[b], "files": ["swift/proxy/server.py"], "meeting": MEETINGS[(a + b) % 3], "first": 0,
         "conflicts": (a + b) % 3 == 0, "paths": []}
        for a, b in ((0, 1), (0, 5), (1, 3), (2, 8), (3, 4), (6, 7))
    ]  # fmt: skip
    row.order[5] |= {
        "state": "conflicts",
        "why": f"#{keys[5]} v1 conflicts with #{keys[0]} v1 in swift/proxy/server.py.",
    }
    row.order[2] |= {"state": "upstream", "alone": "upstream", "why": "2.36.0 has it already.", "commit": ""}
    row.state, row.sentence = "conflicts", row.order[5]["why"]
    row.save()
    return stack


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_a_stack_is_read_at_any_width(visit: Callable[..., Any], tmp_path: Path, width: int, scheme: str) -> None:
    stack = many_laid()
    visitor = visit(width, scheme)
    visitor.log_in(stack.author)
    number = stack.picks.first().contribution_id
    for name, path in (
        ("list", "/stacks/"),
        ("stack", f"/stacks/{stack.pk}/"),
        ("assembly", f"/stacks/{stack.pk}/assemblies/1/"),
        ("new", f"/stacks/new/?contribution={number}"),
        ("add", f"/contributions/{number}/stacks/"),
    ):
        page = visitor.go(path)
        page.screenshot(path=tmp_path / f"{name}-{width}.png", full_page=True)
        visitor.check_width()
        visitor.check()


def test_a_pick_is_moved_and_taken_out_without_script(visit: Callable[..., Any]) -> None:
    stack = many_laid()
    first, second = [pick.contribution_id for pick in stack.picks.order_by("position")][:2]
    visitor = visit(scripts=False)
    visitor.log_in(stack.author)
    page = visitor.go(f"/stacks/{stack.pk}/")
    page.locator(f"#pick-{second} button[value=up]").click()
    assert [pick.contribution_id for pick in stack.picks.order_by("position")][:2] == [second, first]
    page.locator(f"#pick-{first} button[value=remove]").click()
    assert not stack.picks.filter(contribution=first).exists()
    page.locator("#id_contribution").fill(f"#{first}")
    page.get_by_role("button", name="Add", exact=True).click()
    assert stack.picks.order_by("-position").first().contribution_id == first
