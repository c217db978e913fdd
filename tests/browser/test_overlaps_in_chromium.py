"""What an author sees before others see anything, in Chromium: narrow and wide, light and dark, without scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from contributions.actions.tagging import tag
from contributions.models import Contribution
from contributions.pipeline.placing import note_again
from tests import factories

if TYPE_CHECKING:
    from contributions.models import Person

pytestmark = pytest.mark.django_db(transaction=True)
WINDOWS = [(360, "light"), (1280, "dark")]


@pytest.fixture
def author() -> Person:
    return factories.make_person("author", organisation=factories.make_organisation("An operator"))


@pytest.fixture
def draft(author: Person) -> Contribution:
    """It does what another one does, and a release has it."""
    component = factories.make_component("swift")
    old, new = (factories.make_release(component, name) for name in ("2.35.0", "2.36.0"))
    first = factories.make_contribution(release=old, title="Back off between retries")
    made = factories.make_contribution(release=old, author=author, title="Wait between retries", is_draft=True)
    factories.make_fit(made.current, new, state="upstream", upstream_commit="c" * 40, evidence="patch-id")
    factories.make_fit(made.current, old)
    note_again()
    for contribution in (first, made):
        tag(person=contribution.author, contribution=contribution, tags="retries s3")
        factories.recompute(contribution)
    return made


@pytest.mark.parametrize(("width", "scheme"), WINDOWS)
def test_pages_of_overlaps_and_files_break_no_rule(
    visit: Any, author: Person, draft: Contribution, width: int, scheme: str
) -> None:
    window = visit(width, scheme)
    window.log_in(author)
    first = Contribution.objects.get(title="Back off between retries")
    pages = (f"{draft.pk}/", f"{first.pk}/", f"{first.pk}/overlaps/", f"{draft.pk}/overlaps/", f"{draft.pk}/changes/")
    files = ("files/", "files/swiftclient", "files/swiftclient/shell.py")
    addresses = [*(f"/contributions/{page}" for page in pages), *(f"/components/swift/{page}" for page in files)]
    for address in (*addresses, "/tags/", "/tags/s3/"):
        window.go(address)
        window.check()
        window.check_width()


def test_without_scripts_the_other_one_is_joined_in_one_press(visit: Any, author: Person, draft: Contribution) -> None:
    first = Contribution.objects.get(title="Back off between retries")
    window = visit(scripts=False)
    window.log_in(author)
    page = window.go(f"/contributions/{draft.pk}/")
    assert page.get_by_role("heading", name="Before you share this").is_visible()
    assert page.get_by_text("The same change").is_visible()
    page.get_by_label("If you join one: what you add to it").fill("It happens on 2.35 too.")
    page.get_by_role("button", name=f"Join #{first.pk} instead").click()
    page.wait_for_url(f"**/contributions/{first.pk}/")
    draft.refresh_from_db()
    assert (draft.state, draft.joined) == ("withdrawn", first)
    assert first.comments.get().text == "It happens on 2.35 too."


def test_it_is_shared_all_the_same_in_one_press(visit: Any, author: Person, draft: Contribution) -> None:
    window = visit()
    window.log_in(author)
    page = window.go(f"/contributions/{draft.pk}/")
    page.get_by_role("button", name="Share it all the same").click()
    page.get_by_text("Everybody can see it now.").wait_for()
    draft.refresh_from_db()
    assert not draft.is_draft
    page.get_by_role("heading", name="Overlaps with").scroll_into_view_if_needed()
    page.get_by_text("The same change").wait_for()
    window.check()
