"""The reason of a cell, as its author and as a stranger read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from contributions.models import Fit, Inquiry
from tests import factories

if TYPE_CHECKING:
    from contributions.models import Contribution

pytestmark = pytest.mark.django_db(transaction=True)
COMMIT = "4be1" * 10


@pytest.fixture
def judged() -> Contribution:
    """On 2.0 it conflicts in three files, on 3.0 a person is asked, and on 4.0 each commit stands for itself."""
    component = factories.make_component("swift", upstream_url="https://opendev.org/openstack/swift")
    contribution: Contribution = factories.make_contribution(component=component)
    revision = contribution.current
    on = {name: factories.make_release(component, name) for name in ("1.0", "2.0", "3.0", "4.0")}
    factories.make_fit(revision, on["1.0"], way="exact")
    conflicting = factories.make_fit(revision, on["2.0"], state="conflicts", commit="", **factories.make_reason())
    Inquiry.objects.create(fit=conflicting, state="done")
    asked = {"upstream_commit": COMMIT, "namesake": COMMIT, "evidence": "subject"}
    factories.make_fit(revision, on["3.0"], state="probably-upstream", commit="", **asked)
    parts = [
        {"sha": "a1" * 20, "subject": "Wait longer", "state": "upstream", "upstream_commit": COMMIT, "conflicts": []},
        {"sha": "b2" * 20, "subject": "Wait for ever", "state": "conflicts", "conflicts": ["swiftclient/shell.py"]},
    ]
    renames = {"swiftclient/shell.py": "swiftclient/command/shell.py"}
    factories.make_fit(revision, on["4.0"], state="merges", way="3-way", commits=parts, renames=renames)
    factories.recompute(contribution)
    return contribution


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_the_reason_is_one_press_away(visit: Any, judged: Contribution, width: int, scheme: str) -> None:
    window = visit(width, scheme)
    page = window.go(f"/contributions/{judged.pk}/matrix/")
    window.check()
    window.check_width()
    page.get_by_role("link", name="conflicts").click()
    page.get_by_role("heading", name="What conflicts").wait_for()
    window.check()
    window.check_width()
    sides = page.locator(".clash-sides").first.locator("> *")
    left, right = (sides.nth(number).bounding_box() for number in (0, 1))
    assert (left["y"] == right["y"]) is (width > 960), "beside each other where there is room"
    page.get_by_role("link", name="4be14be14b").first.wait_for()
    for name in ("1.0", "4.0"):
        page = window.go(f"/contributions/{judged.pk}/fits/{name}/")
        window.check()
        window.check_width()
    assert page.get_by_role("row", name="Wait for ever").get_by_text("conflicts").count() == 1


@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (360, "light")])
def test_a_person_says_so_and_takes_it_back(visit: Any, judged: Contribution, width: int, scheme: str) -> None:
    window = visit(width, scheme, scripts=True)
    window.log_in(judged.author)
    page = window.go(f"/contributions/{judged.pk}/fits/3.0/")
    window.check()
    window.check_width()
    page.get_by_role("button", name="Yes, it is the same").click()
    page.get_by_text("says that it is this contribution").wait_for()
    window.check()
    window.check_width()
    assert Fit.objects.get(release__name="3.0").state == "upstream"
    page.get_by_role("button", name="Take it back").click()
    page.get_by_role("heading", name="Is it the same change?").wait_for()
    assert Fit.objects.get(release__name="3.0").state == "probably-upstream"
