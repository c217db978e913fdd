"""Remarks on the pages, all without script."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contributions.models import Flag, LineComment, Review, Revision
from contributions.models.whereabouts import Stand, stands
from contributions.views.diffs import anchor_of
from tests import factories
from tests.factories import DIFF, make_person, make_remark
from tests.pages.conftest import Platform, signed_in

if TYPE_CHECKING:
    from django.test import Client

    from contributions.models import Contribution

SHELL = "swiftclient/shell.py"
ONE_FILE = DIFF[: DIFF.index(b"diff --git a/tests")]
MOVED = ONE_FILE.replace(b"-10,7 +10,8", b"-10,7 +10,9").replace(
    b"     retries = options", b"+    # wait\n     retries = options"
)
GONE = ONE_FILE.replace(b"backoff = options.backoff or 1", b"pause = options.pause")
ELSEWHERE = ONE_FILE.replace(b"swiftclient/shell.py", b"swiftclient/other.py")


@pytest.fixture
def contribution(platform: Platform) -> Contribution:
    return platform.contribution


@pytest.fixture
def peer(platform: Platform) -> Client:
    return platform.client("member")


def home(contribution: Contribution) -> str:
    return f"/contributions/{contribution.pk}/"


def form(**given: str) -> dict[str, str]:
    usual = {"revision": "1", "path": SHELL, "side": "new", "start": "13", "end": "13", "text": "Why *one*?"}
    return usual | given


def test_a_draft_is_written_published_and_read_by_all(contribution: Contribution, peer: Client) -> None:
    new = f"{home(contribution)}remarks/new/"
    page = peer.get(new, form(text="")).content.decode()
    assert "backoff = options.backoff or 1" in page
    assert "Suggest these lines instead" in page
    assert peer.post(new, form(act="draft")).status_code == 302
    changes = f"{home(contribution)}changes/"
    assert "Why <em>one</em>?" in peer.get(changes).content.decode()
    assert "<b>1 draft</b>" in peer.get(changes).content.decode()
    assert b"Why" not in signed_in(make_person()).get(changes).content
    peer.post(f"{home(contribution)}remarks/publish/", {"words": "Look."})
    page = signed_in(None).get(changes).content.decode()
    assert place(page, 13) < page.index("Why <em>one</em>?") < place(page, 14), "below its line"
    assert 'Remarks <span class="count">1 open</span>' in page
    assert "1 draft" not in peer.get(changes).content.decode()


def place(page: str, line: int) -> int:
    """Where on the page a line with the change stands."""
    return page.index(f'{anchor_of(SHELL)}R{line}"')


@pytest.mark.attack("P19")
def test_a_remark_stands_where_its_text_is_or_is_outdated_with_the_text_shown(contribution: Contribution) -> None:
    make_remark(contribution.current, "Why one?")
    changes = f"{home(contribution)}changes/"
    stranger = signed_in(None)
    factories.make_revision(contribution, diff=MOVED)
    page = stranger.get(changes).content.decode()
    assert place(page, 14) < page.index("Why one?") < place(page, 15), "one line further down"
    assert "outdated" not in page
    factories.make_revision(contribution, diff=GONE)
    page = stranger.get(changes).content.decode()
    assert "1 outdated remark: the lines are no longer in v3" in page
    assert page.index("backoff = options.backoff or 1") < page.index("Why one?") < place(page, 10), "above the lines"
    factories.make_revision(contribution, diff=ELSEWHERE)
    page = stranger.get(changes).content.decode()
    assert page.index("Remarks that have no place any more") < page.index("Why one?")
    page = stranger.get(f"{changes}?revision=1").content.decode()
    assert place(page, 13) < page.index("Why one?") < place(page, 14), "in its own revision nothing moved"


def test_a_remark_follows_its_file_to_another_name(contribution: Contribution) -> None:
    thread = make_remark(contribution.current)
    named = MOVED.replace(b"b/swiftclient/shell.py", b"b/swiftclient/commands.py")
    file = {"path": "swiftclient/commands.py", "old_path": SHELL, "status": "renamed", "added": 3, "removed": 1}
    renamed = factories.make_revision(contribution, diff=named, files=[file | {"start": 0, "end": len(named)}])
    assert stands([thread], renamed) == {thread.pk: Stand(0, 14, 14)}
    other = factories.make_revision(contribution, diff=ELSEWHERE)
    assert stands([thread], other) == {thread.pk: Stand(None)}, "the control"


def test_remarks_on_a_file_and_on_lines_that_are_not_shown_stand_at_its_head(contribution: Contribution) -> None:
    make_remark(contribution.current, "Of all of it.", start=0, end=0, quoted="")
    make_remark(contribution.current, "Far away.", start=400, end=401, quoted="far\naway")
    page = signed_in(None).get(f"{home(contribution)}changes/").content.decode()
    assert page.index("Of all of it.") < page.index("On lines that are not shown here") < page.index("Far away.")
    assert page.index("Far away.") < place(page, 10)


def test_what_is_refused_stands_beside_the_field_and_nothing_typed_is_lost(
    contribution: Contribution, peer: Client
) -> None:
    new = f"{home(contribution)}remarks/new/"
    told = peer.post(new, form(start="900", end="900", text="Typed with care."))
    assert told.status_code == 400
    assert "has no such lines" in told.content.decode()
    assert "Typed with care." in told.content.decode()
    assert peer.post(new, form(text="")).status_code == 400
    assert peer.get(new).status_code == 400
    assert peer.get(new, form(path="no/such")).status_code == 404
    thread = make_remark(contribution.current)
    empty = peer.post(f"/remarks/{thread.pk}/answer/", {"text": " "})
    assert empty.status_code == 400
    assert "The remark is missing." in empty.content.decode()
    assert LineComment.objects.count() == 1


def test_answers_and_their_state_are_told(contribution: Contribution, peer: Client, platform: Platform) -> None:
    thread = make_remark(contribution.current)
    page = f"/remarks/{thread.pk}/"
    peer.post(f"{page}answer/", {"text": "Because of the servers.", "act": "now"})
    assert b"Because of the servers." in signed_in(None).get(page).content
    platform.client("author").post(f"{page}resolve/")
    listed = f"{home(contribution)}remarks/"
    assert b"No remark on lines is open" in peer.get(listed).content
    assert b"resolved" in peer.get(f"{listed}?show=all").content
    platform.client("author").post(f"{page}reopen/")
    assert b"Because of the servers." in peer.get(listed).content
    assert peer.get(f"{listed}?show=some").status_code == 400
    discussion = peer.get(f"{home(contribution)}discussion/").content.decode()
    assert f'<a href="/remarks/{thread.pk}/#remark-{thread.pk}">{SHELL}:13</a>' in discussion


def test_a_maintainer_publishes_with_a_verdict_in_one_step(contribution: Contribution, platform: Platform) -> None:
    keeper = platform.client("maintainer")
    keeper.post(f"{home(contribution)}remarks/new/", form(act="draft"))
    publish = f"{home(contribution)}remarks/publish/"
    late = keeper.post(publish, {"words": "So.", "verdict": "approve", "revision": "7"})
    assert late.status_code == 409
    assert "came after the v7" in late.content.decode()
    assert LineComment.objects.published().count() == 0
    assert keeper.post(publish, {"words": "So.", "verdict": "request-changes", "revision": "1"}).status_code == 302
    assert Review.objects.get().verdict == "request-changes"
    assert LineComment.objects.published().count() == 1


def test_what_was_said_before_an_edit_can_be_read(contribution: Contribution) -> None:
    thread = make_remark(contribution.current, "Firts.")
    owner = signed_in(thread.author)
    assert b"Firts." in owner.get(f"/remarks/{thread.pk}/edit/").content
    assert owner.post(f"/remarks/{thread.pk}/edit/", {"text": ""}).status_code == 400
    owner.post(f"/remarks/{thread.pk}/edit/", {"text": "First."})
    page = signed_in(None).get(f"/remarks/{thread.pk}/").content.decode()
    assert page.index("First.") < page.index("What was said before") < page.index("Firts.")
    owner.post(f"/remarks/{thread.pk}/remove/")
    page = signed_in(None).get(f"/remarks/{thread.pk}/").content.decode()
    assert "Removed." in page
    assert "First" not in page


def test_the_author_takes_suggestions_in_with_one_press(contribution: Contribution, platform: Platform) -> None:
    thread = make_remark(contribution.current, suggests=True, suggestion="    backoff = 2")
    listed = f"{home(contribution)}remarks/"
    assert b"Take the chosen edits" not in platform.client("member").get(listed).content
    author = platform.client("author")
    assert f'name="suggestions" value="{thread.pk}" form="take"' in author.get(listed).content.decode()
    take = f"{listed}take/"
    assert author.post(take, {}).status_code == 400
    assert author.post(take, {"suggestions": [str(thread.pk), "x", "9" * 40]}).status_code == 302
    made = Revision.objects.get(source="suggestion")
    assert (made.number, made.amends) == (2, contribution.current)
    assert author.post(take, {"suggestions": str(thread.pk)}).status_code == 302
    assert Revision.objects.filter(source="suggestion").count() == 1


def test_a_remark_can_be_flagged_and_staff_remove_it(
    contribution: Contribution, peer: Client, platform: Platform
) -> None:
    thread = make_remark(contribution.current, "Buy my pills.")
    draft = make_remark(contribution.current, published_at=None)
    assert peer.get(f"/remarks/{draft.pk}/flag/").status_code == 404
    assert peer.post(f"/remarks/{thread.pk}/flag/", {"reason": "spam"}).status_code == 302
    assert peer.post(f"/remarks/{thread.pk}/flag/", {"reason": "spam"}).status_code == 409
    flag = Flag.objects.get(remark=thread)
    staff = platform.client("staff")
    assert b"A remark" in staff.get("/moderation/").content
    assert b"Buy my pills." in staff.get(f"/moderation/{flag.pk}/").content
    assert staff.post(f"/moderation/{flag.pk}/", {"act": "remove", "reason": "Spam."}).status_code == 302
    thread.refresh_from_db()
    assert thread.removed_at is not None
    assert b"pills" not in signed_in(None).get(f"{home(contribution)}changes/").content


def test_drafts_and_what_is_hidden_are_found_by_nobody_else(contribution: Contribution, peer: Client) -> None:
    draft, thread = make_remark(contribution.current, published_at=None), make_remark(contribution.current)
    assert peer.get(f"/remarks/{draft.pk}/").status_code == 404
    assert signed_in(draft.author).get(f"/remarks/{draft.pk}/").status_code == 200, "the control"
    assert peer.get(f"/remarks/{thread.pk}/").status_code == 200, "the control"
    contribution.quarantined_at = thread.published_at
    contribution.save()
    assert peer.get(f"/remarks/{thread.pk}/").status_code == 404
    assert peer.post(f"/remarks/{thread.pk}/answer/", {"text": "Hm."}).status_code == 404


def test_as_many_queries_for_many_threads_as_for_one(contribution: Contribution) -> None:
    factories.make_revision(contribution, diff=MOVED)
    first = contribution.revisions.get(number=1)
    counts = []
    for count in (1, 25):
        for _ in range(count):
            thread = make_remark(first)
            make_remark(first, parent=thread, organisation=factories.make_organisation())
        asked = []
        for address in ("changes/", "remarks/?show=all"):
            with CaptureQueriesContext(connection) as queries:
                assert signed_in(make_person()).get(home(contribution) + address).status_code == 200
            asked.append(len(queries))
        counts.append(asked)
    assert counts[0] == counts[1]
