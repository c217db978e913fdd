"""Comparing revisions, from their receipt to the row that tells what changed, on real git."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings

from contributions.models import Comparison
from contributions.pipeline.contrasting import compare, queue_comparison
from contributions.tasks import begin_again, sweep
from tests.factories import make_review
from tests.platform import GREETING, SONG_MENDED

if TYPE_CHECKING:
    from collections.abc import Callable

    from contributions.models import Revision

pytestmark = pytest.mark.django_db


def compared(older: Revision, newer: Revision) -> Comparison:
    row = Comparison.objects.get(older=older, newer=newer)
    compare(row.pk)
    row.refresh_from_db()
    return row


def test_each_revision_is_compared_with_the_one_before(send: Callable[..., Revision]) -> None:
    first = send(song__txt=SONG_MENDED)
    assert not Comparison.objects.exists()
    second = send("2.0", "Count to fifteen", song__txt=SONG_MENDED, greeting__py=GREETING + "\n# Hello\n")
    row = compared(first, second)
    assert (row.state, row.sentence, row.conflicts) == ("done", "", [])
    assert [(file["path"], file["added"], file["removed"]) for file in row.files] == [("greeting.py", 2, 0)]
    (commit,) = row.commits
    assert (commit["word"], commit["subject"], commit["is_reworded"]) == ("changed", "Count to fifteen", True)
    assert (commit["old"], commit["new"]) == (first.tip_commit, second.tip_commit)
    assert row.diff is not None
    shown = row.diff.read()
    assert b"+# Hello" in shown
    assert b"song.txt" not in shown


def test_a_reviewer_gets_what_changed_since_the_approval(send: Callable[..., Revision]) -> None:
    first = send(song__txt=SONG_MENDED)
    early, late = make_review(first), make_review(first, verdict="request-changes")
    assert early.reviewer != late.reviewer
    send(song__txt=SONG_MENDED + "more\n")
    third = send(song__txt=SONG_MENDED)
    pairs = set(Comparison.objects.filter(newer=third).values_list("older__number", flat=True))
    assert pairs == {1, 2}
    row = compared(first, third)
    assert (row.files, row.diff) == ([], None)
    assert [commit["word"] for commit in row.commits] == ["unchanged"]


def test_it_is_asked_for_once(send: Callable[..., Revision]) -> None:
    first, second = send(song__txt=SONG_MENDED), send(song__txt=SONG_MENDED + "more\n")
    assert queue_comparison(first.pk, second.pk) is None
    Comparison.objects.update(state="errored", attempts=3)
    again = queue_comparison(first.pk, second.pk)
    assert again is not None
    assert (again.state, again.attempts) == ("queued", 0)


def test_a_conflict_is_told_with_its_files(send: Callable[..., Revision]) -> None:
    first = send(song__txt=SONG_MENDED.replace("fifteen", "FIFTEEN"))
    second = send("4.0", song__txt=SONG_MENDED)
    row = compared(first, second)
    assert row.conflicts == ["song.txt"]
    assert [file["path"] for file in row.files] == ["song.txt"]


def test_it_is_rung_for_and_given_up_like_other_work(send: Callable[..., Revision], settings: Any) -> None:
    first, second = send(song__txt=SONG_MENDED), send(song__txt=SONG_MENDED + "more\n")
    Comparison.objects.update(state="running", lease_until="2020-01-01T00:00Z", attempts=settings.ATTEMPTS)
    sweep()
    row = Comparison.objects.get(older=first, newer=second)
    assert row.state == "errored"
    assert begin_again()["comparisons"] == 1
    assert compared(first, second).state == "done"


def test_a_mirror_that_vanished_is_fetched_again(send: Callable[..., Revision]) -> None:
    first, second = send(song__txt=SONG_MENDED), send(song__txt=SONG_MENDED + "more\n")
    for path in settings.MIRRORS_DIR.iterdir():
        path.rename(path.with_name(f"{path.name}.gone"))
    row = compared(first, second)
    assert row.state == "done"
    assert [file["path"] for file in row.files] == ["song.txt"]
