"""An organisation's dashboard and handing work over, in Chromium: narrow and wide, light and dark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from contributions.models import Contribution
from tests import factories

if TYPE_CHECKING:
    from pathlib import Path

    from contributions.models import Person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def member() -> Person:
    """Somebody whose organisation runs, shared and waits for something of each sort."""
    ours = factories.make_organisation("Northern Hosting", owner=factories.make_person("owner"))
    member = factories.make_person("member", organisation=ours)
    component = factories.make_component("swiftclient", maintainers=(member,))
    release = factories.make_release(component, "4.7.0")
    shared = factories.make_contribution(release=release, organisation=ours, author=member, title="Keep the ring")
    factories.make_comment(shared, "Does it scale to ten thousand nodes?", is_question=True)
    factories.make_remark(shared.current)
    factories.recompute(factories.make_contribution(release=release, title="Ask each node twice"))
    plain, held, gone = (
        factories.make_contribution(release=release, title=title)
        for title in ("Wait longer between retries", "Hidden", "Close the connection at the end")
    )
    for contribution in (plain, held, gone):
        factories.make_report(contribution, release, organisation=ours, author=member, asked=int(contribution == plain))
    factories.make_revision(plain)
    factories.make_advisory(gone.current)
    gone.move(Contribution.State.WITHDRAWN)
    Contribution.objects.filter(pk=held.pk).update(quarantined_at=timezone.now())
    return member


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_the_dashboard_reads_well_and_work_is_handed_over(
    visit: Any, member: Person, tmp_path: Path, width: int, scheme: str
) -> None:
    visitor = visit(width, scheme)
    visitor.log_in(member)
    page = visitor.go("/organisations/northern-hosting/dashboard/")
    for path in ("/organisations/northern-hosting/dashboard/?show=runs", "/organisations/northern-hosting/dashboard/"):
        page = visitor.go(path)
        visitor.check()
        visitor.check_width()
    page.screenshot(path=tmp_path / "dashboard.png", full_page=True)
    page.get_by_role("link", name="Keep the ring").last.click()
    page.get_by_text("Hand it over").click()
    page.get_by_label("To", exact=True).fill("owner")
    page.screenshot(path=tmp_path / "offer.png", full_page=True)
    page.get_by_role("button", name="Offer it").click()
    page.get_by_text("It is yours until owner accepts.").wait_for()
    visitor.check()
    visitor.check_width()
