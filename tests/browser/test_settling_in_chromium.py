"""Conflicts are settled in a real browser, by a real worker; and on a telephone in the dark, without script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from contributions.models import Settlement
from contributions.pipeline.reconciling import reconcile
from tests.factories import make_person
from tests.platform import send  # noqa: F401 - a fixture
from tests.porting.conftest import loud  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from contributions.models import Contribution
    from tests.worker.conftest import Crew

pytestmark = pytest.mark.django_db(transaction=True)


def test_from_a_red_cell_to_a_port(visit: Any, crew: Crew, loud: Contribution) -> None:  # noqa: F811 - fixtures
    crew.start_worker()
    window = visit(1280, "light")
    window.log_in(make_person())
    page = window.go(f"/contributions/{loud.pk}/fits/4.0/")
    page.get_by_role("link", name="Settle the conflicts here").click()
    page.get_by_role("button", name="Show the conflicts").click()
    page.get_by_label("What 4.0 has").wait_for(timeout=60_000)
    own = page.get_by_role("textbox", name="A text of your own")
    assert not own.is_visible(), "there is nothing to type before it is chosen"
    window.check()
    page.get_by_label("A text of your own").first.focus()
    page.keyboard.press("Space")
    own.fill("verse XIV\nVERSE XV\n")
    window.check()
    page.get_by_role("button", name="Go on").click()
    page.get_by_text("This is the port to 4.0").wait_for(timeout=60_000)
    window.check()
    page.get_by_label("What you had to change").fill("Romans.")
    page.get_by_role("button", name="Propose it").click()
    page.get_by_text("is sent: the worker receives it next").wait_for()
    assert loud.revisions.get(number=2).note == "Romans."


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "dark"), (360, "light")])
def test_on_a_telephone_without_script(visit: Any, loud: Contribution, width: int, scheme: str) -> None:  # noqa: F811
    window = visit(width, scheme, scripts=False)
    window.log_in(make_person())
    page = window.go(f"/contributions/{loud.pk}/fits/4.0/")
    page.get_by_role("link", name="Settle the conflicts here").click()
    page.get_by_role("button", name="Show the conflicts").click()
    reconcile(Settlement.objects.get().pk)
    page.reload()
    window.check_width()
    page.get_by_label("A text of your own").first.check()
    page.get_by_role("textbox", name="A text of your own").fill("<<<<<<< HEAD\n")
    page.get_by_role("button", name="Go on").click()
    page.get_by_text("A conflict marker was left in the text").wait_for()
    window.check_width()
    page.get_by_role("textbox", name="A text of your own").fill("verse XIV\nVERSE XV\n")
    page.get_by_role("button", name="Go on").click()
    reconcile(Settlement.objects.get().pk)
    page.reload()
    page.get_by_text("This is the port to 4.0").wait_for()
    window.check_width()
