"""What a fork carries, told apart: upstream's, the portal's, what was taken back, and what only they have."""

from __future__ import annotations

import pytest

from contributions.models import Component, Contribution, Fork, Person, Revision
from tests import factories
from tests.platform import SHOUT, SONG, SONG_MENDED, Upstream

from .conftest import make_fork, taken_apart, told

pytestmark = pytest.mark.django_db


def test_what_upstream_has_is_dropped_and_the_rest_is_drafted_privately(
    component: Component, author: Person, fork: Upstream
) -> None:
    fork.commit("Count to fifteen in words", song__txt=SONG_MENDED)
    fork.commit("Shout\n\nThe deaf asked for it.\n\nSigned-off-by: A <a@example.org>", greeting__py=SHOUT)
    row = taken_apart(make_fork(component, author, fork))
    assert (row.state, row.sentence) == ("done", "")
    assert row.release == component.releases.get(name="2.0")
    assert told(row) == [("Count to fifteen in words", "upstream"), ("Shout", "drafted")]
    draft = row.carried.get(state="drafted").contribution
    assert draft is not None
    assert (draft.is_draft, draft.is_internal, draft.shares_at) == (True, True, None)
    assert draft.current is not None
    assert draft.current.base_commit == row.release.commit
    assert "deaf" in draft.description
    assert "    Signed-off-by: A <a@example.org>" in draft.description
    assert row.carried.get(state="upstream").upstream_commit == component.releases.get(name="3.0").commit


def test_a_patch_that_stands_on_another_keeps_a_base_of_its_own(
    component: Component, author: Person, fork: Upstream
) -> None:
    fork.commit("Sing the fifteenth louder", song__txt=SONG.replace("verse 15\n", "VERSE 15\n"))
    fork.commit("Sing the fifteenth twice", song__txt=SONG.replace("verse 15\n", "VERSE 15\nVERSE 15\n"))
    row = taken_apart(make_fork(component, author, fork))
    first, second = row.carried.order_by("position")
    assert first.contribution is not None
    assert second.contribution is not None
    assert second.contribution.current is not None
    assert second.needs == [first.key]
    assert row.release is not None
    assert second.base_commit != row.release.commit
    assert f"Depends-On: #{first.contribution.pk}" in second.contribution.description
    assert list(second.contribution.depends_on.all()) == [first.contribution]
    assert [file["added"] for file in second.contribution.current.files] == [1]
    assert second.contribution.current.state == Revision.State.RECEIVED


def test_a_revert_and_what_it_takes_back_cancel_out_and_fixups_are_folded(
    component: Component, author: Person, fork: Upstream
) -> None:
    shouted = fork.commit("Shout for those who hear little", greeting__py=SHOUT)
    fork.commit("Number the verses in words", song__txt=SONG_MENDED.replace("verse 3\n", "verse three\n"))
    fork.git("revert", "--no-edit", shouted)
    fork.commit(
        "fixup! Number the verses in words",
        song__txt=SONG_MENDED.replace("verse 3\n", "verse three\n").replace("verse 4\n", "verse four\n"),
    )
    row = taken_apart(make_fork(component, author, fork))
    assert told(row) == [("Shout for those who hear little", "left-out"), ("Number the verses in words", "drafted")]
    draft = row.carried.get(state="drafted")
    assert len(draft.commits) == 2
    assert draft.contribution is not None
    assert draft.contribution.current is not None
    assert len(draft.contribution.current.commits) == 1


def test_what_the_portal_has_is_linked(component: Component, author: Person, fork: Upstream) -> None:
    fork.commit("Shout", greeting__py=SHOUT)
    first = taken_apart(make_fork(component, author, fork))
    colleague = factories.make_person(organisation=author.organisation)
    again = taken_apart(make_fork(component, colleague, fork))
    assert told(again) == [("Shout", "known")]
    assert again.carried.get().contribution == first.carried.get().contribution
    assert Contribution.objects.count() == 1


def test_a_worker_that_is_killed_half_way_drafts_nothing_twice(
    component: Component, author: Person, fork: Upstream
) -> None:
    fork.commit("Shout", greeting__py=SHOUT)
    fork.commit("Number the verses", song__txt=SONG_MENDED.replace("verse 3\n", "verse three\n"))
    row = taken_apart(make_fork(component, author, fork))
    row.carried.get(position=2).delete()
    Fork.objects.filter(pk=row.pk).update(state="queued")
    taken_apart(row)
    assert [title for title, _ in told(row)] == ["Shout", "Number the verses"]
    assert Contribution.objects.filter(title="Shout").count() == 1
