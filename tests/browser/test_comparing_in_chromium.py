"""From one revision to another, as a reader and as a reviewer see it."""

from __future__ import annotations

from typing import Any

import pytest

from contributions.models import Revision
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_what_changed_is_read_and_led_to(visit: Any, width: int, scheme: str) -> None:
    reviewer = factories.make_person("reviewer")
    component = factories.make_component("swiftclient", maintainers=(reviewer,), approvals_needed=2)
    contribution = factories.make_contribution(component=component, release=factories.make_release(component, "4.7.0"))
    older = contribution.current
    assert older is not None
    same = {"swiftclient/shell.py": "1"}
    Revision.objects.filter(pk=older.pk).update(fingerprints=same)
    newer = factories.make_revision(
        contribution, fingerprints=same | {"tests/test_shell.py": "2"}, carries={"1": "partly"}, note="With a test."
    )
    Revision.objects.filter(pk=newer.pk).update(commits=[newer.commits[0] | {"body": "It waits a second at first."}])
    row = factories.make_comparison(older, newer, conflicts=["swiftclient/shell.py"])
    words = ("reworded", "unchanged", "changed", "added", "dropped")
    kinds = [row.commits[0] | {"word": word, "is_reworded": word == "reworded"} for word in words]
    type(row).objects.filter(pk=row.pk).update(commits=kinds)
    factories.make_vote(contribution, revision=older)
    factories.make_review(older, reviewer=reviewer)
    factories.recompute(contribution)

    window = visit(width, scheme)
    window.log_in(reviewer)
    page = window.go("/review/")
    window.check()
    page.get_by_role("link", name="Look at just what changed").click()
    page.get_by_role("heading", name="From v1 to v2").wait_for()
    window.check()
    window.check_width()
    page.get_by_text("other message").click()
    page.get_by_text("It waits a second at first.").wait_for()
    page = window.go(f"/contributions/{contribution.pk}/")
    assert page.get_by_text("1 vote on v1 counts half").count() == 1
    window.check()
    window.check_width()
    page.get_by_role("link", name="Look at just what changed since you did").click()
    page.wait_for_url(f"**/contributions/{contribution.pk}/compare/1..2/")
