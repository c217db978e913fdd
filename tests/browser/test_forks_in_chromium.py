"""A fork that is taken apart, in Chromium: watched, gone through and published; narrow and wide, light and dark."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from contributions.models import Carried, Contribution, Fork
from tests import factories

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def fork() -> Fork:
    ours = factories.make_organisation("Northern Hosting")
    author = factories.make_person("author", organisation=ours)
    fork = factories.make_fork(author, component=factories.make_component("swiftclient"))
    State = Carried.State  # noqa: N806 - a class
    factories.make_carried(
        fork, state=State.UPSTREAM, title="Close the connection at the end of each session, whatever became of it",
        evidence="change-id", upstream_commit=factories.make_commit_id(),
    )  # fmt: skip
    factories.make_carried(fork, title="Ask each node twice", needs=[fork.carried.earliest("position").key])
    factories.make_carried(fork, state=State.LEFT_OUT, title="Try it", sentence="The fork took it back itself.")
    refused = factories.make_contribution(component=fork.component, author=author, received=False, is_draft=True)
    because = "swiftclient/hosts is a link that leads out of the tree."
    factories.make_revision(refused, diff=None, source="fork", state="refused", sentence=because)
    Contribution.objects.filter(pk=refused.pk).update(current=None)
    factories.make_carried(fork, title="Know all hosts", contribution=refused)
    edited = {"files": 2, "added": 5, "removed": 12, "settles": True, "paths": ["setup.cfg", "swiftclient/client.py"]}
    told = {"sha": factories.make_commit_id(), "subject": "Merge tag 2.3.0 into production", "author": "A", **edited}
    factories.make_carried(fork, title="What the fork's merges changed by themselves", commits=[told, told])
    fork.note = (
        "2 of its 14 merges changed files by themselves: 2 files, 10 lines added and 24 taken away. Laid one after "
        "the other on 2.3.0, its patches, the last of which has what is in no other, make up the very tree of the fork."
    )
    fork.save()
    return fork


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_a_fork_is_watched_and_its_drafts_are_chosen(
    visit: Any, fork: Fork, tmp_path: Path, width: int, scheme: str
) -> None:
    visitor = visit(width, scheme)
    visitor.log_in(fork.author)
    draft = fork.carried.get(title="Ask each node twice").contribution_id
    for number, path in enumerate(("/forks/new/", "/forks/", f"/contributions/{draft}/")):
        page = visitor.go(path)
        page.screenshot(path=tmp_path / f"page-{number}.png", full_page=True)
        visitor.check()
        visitor.check_width()
    Fork.objects.update(
        state="running",
        step="Drafting what nobody has",
        done=30,
        total=120,
        stepped_at=timezone.now() - timedelta(minutes=1),
    )
    page = visitor.go(fork.get_absolute_url())
    page.get_by_text("30 of 120").wait_for()
    # To hide the caret would leave attributes of style on the fields, which htmx then takes over.
    page.screenshot(path=tmp_path / "running.png", full_page=True, caret="initial")
    visitor.check()
    Fork.objects.update(state="done", step="")
    page.locator("#fork-state").get_by_text("taken apart", exact=True).wait_for()
    page.get_by_role("button", name="Publish all 3 drafts").wait_for()
    page.get_by_text("leads out of the tree").wait_for()
    page.get_by_text("Another title, or leave it out").first.click()
    page.get_by_text("Which merges, and what each changed").click()
    page.screenshot(path=tmp_path / "fork.png", full_page=True)
    visitor.check()
    visitor.check_width()
    page.get_by_label("Publish Ask each node twice").check()
    page.get_by_role("button", name="Publish the chosen ones").click()
    page.get_by_text("being published").wait_for()
    assert fork.carried.exclude(asked_at=None).get().title == "Ask each node twice"
