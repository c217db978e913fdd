"""How upstream is watched, in Chromium: what a pattern would make is told while it is typed, at both widths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from contributions.checkout.mirror import Found
from contributions.models import Component
from contributions.pipeline.foreseeing import keep
from tests import factories

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_what_a_pattern_would_make_is_told_while_it_is_typed(
    visit: Callable[..., Any], width: int, scheme: str
) -> None:
    keeper = factories.make_person("keeper")
    component = factories.make_component("swift", maintainers=(keeper,), release_pattern=r"\d+\.\d+")
    names = [*(f"2.{number}" for number in range(40)), "2.40rc1", "a-tag-of-another-kind-with-a-long-name"]
    keep(component.pk, [Found(name, "tag", "", timezone.now()) for name in names])
    visitor = visit(width, scheme)
    visitor.log_in(keeper)
    page = visitor.go("/components/swift/watching/")
    assert "41 new releases" in page.inner_text("#foresight"), "the candidate is one"
    page.get_by_label("Release pattern").fill("a-tag.*")
    page.get_by_text("a-tag-of-another-kind-with-a-long-name").wait_for()
    visitor.check_width()
    visitor.check()
    assert page.get_by_label("Release pattern").input_value() == "a-tag.*"
    assert Component.objects.get().release_pattern == r"\d+\.\d+", "typing sets nothing"
    page.get_by_role("button", name="Watch it so").click()
    page.get_by_text("It is watched so from now on.").wait_for()
    assert Component.objects.get().release_pattern == "a-tag.*"
