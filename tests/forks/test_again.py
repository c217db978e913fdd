"""The same fork later: its drafts are gone on with, and revised where it changed them; none is made twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contributions.actions import unmasking
from contributions.actions.sharing import share
from contributions.models import Carried, Contribution, Fork
from contributions.pipeline.receiving import receive
from contributions.pipeline.unmasking import unmask
from tests import factories
from tests.platform import SHOUT, SONG

from .conftest import make_fork, taken_apart, told

if TYPE_CHECKING:
    from contributions.models import Component, Person
    from tests.platform import Upstream

pytestmark = pytest.mark.django_db
LOUD = SONG.replace("verse 20\n", "VERSE 20\n")
LOUDER = LOUD.replace("verse 21\n", "VERSE 21\n")


@pytest.fixture
def first(component: Component, author: Person, fork: Upstream) -> Fork:
    fork.commit("Sing the twentieth louder", song__txt=LOUD)
    fork.commit("Shout", greeting__py=SHOUT)
    return taken_apart(make_fork(component, author, fork))


def draft_of(fork: Fork, position: int) -> Contribution:
    found = fork.carried.get(position=position).contribution
    assert found is not None
    return found


def received(fork: Fork) -> Fork:
    """Receive what is queued alone, as workers do."""
    for pk in fork.carried.filter(state="drafted").values_list("contribution__revisions", flat=True):
        receive(pk)
    return fork


def test_a_fork_that_moved_on_keeps_its_drafts_and_revises_what_it_changed(
    component: Component, author: Person, fork: Upstream, first: Fork
) -> None:
    loud, shout = draft_of(first, 1), draft_of(first, 2)
    unmasking.retitle(person=author, carried=first.carried.get(position=2), title="Greet loudly")
    fork.commit("fixup! Sing the twentieth louder", song__txt=LOUDER)
    fork.commit("Allow more", licence__txt="Do what you like, and more.\n")
    fork.commit("Sing the last twice", song__txt=LOUDER + "verse 30\n")
    again = taken_apart(make_fork(component, author, fork))
    assert told(again) == [
        ("Sing the twentieth louder", "drafted"), ("Greet loudly", "drafted"), ("Allow more", "drafted"),
        ("Sing the last twice", "drafted"),
    ]  # fmt: skip
    assert (draft_of(again, 1), draft_of(again, 2)) == (loud, shout)
    assert Contribution.objects.count() == 4
    loud.refresh_from_db()
    assert loud.current is not None
    assert (loud.current.number, loud.current.state) == (2, "received")
    assert b"VERSE 21" in loud.current.diff.read()
    assert shout.revisions.count() == 1
    assert again.carried.get(position=1).sentence.endswith("The fork changed it since: v2.")
    assert told(first) == [("Sing the twentieth louder", "known"), ("Greet loudly", "known")]
    assert unmasking.publish(person=author, fork=again) == 4


def test_what_is_not_received_yet_is_not_drafted_again(component: Component, author: Person, fork: Upstream) -> None:
    fork.commit("Shout", greeting__py=SHOUT)
    first, again = make_fork(component, author, fork), make_fork(component, author, fork)
    unmask(first.pk)
    unmask(again.pk)
    assert draft_of(again, 1) == draft_of(first, 1)
    assert (Contribution.objects.count(), draft_of(again, 1).revisions.count()) == (1, 1)
    assert draft_of(received(again), 1).revisions.get().state == "received"


def test_what_was_published_is_linked_though_the_fork_changed_it_since(
    component: Component, author: Person, fork: Upstream, first: Fork
) -> None:
    share(person=author, contribution=draft_of(first, 1))
    fork.commit("fixup! Sing the twentieth louder", song__txt=LOUDER)
    again = taken_apart(make_fork(component, author, fork))
    row = again.carried.get(position=1)
    assert (row.state, row.contribution) == ("known", draft_of(first, 1))
    assert row.sentence == "It was drafted of the same commit, which the fork changed since."
    assert draft_of(first, 1).revisions.count() == 1


def test_what_its_author_revised_by_hand_is_left_as_it_is(
    component: Component, author: Person, fork: Upstream, first: Fork
) -> None:
    factories.make_revision(draft_of(first, 1), source="patch")
    fork.commit("fixup! Sing the twentieth louder", song__txt=LOUDER)
    again = taken_apart(make_fork(component, author, fork))
    assert draft_of(again, 1).revisions.count() == 2
    assert "v2 is by hand" in again.carried.get(position=1).sentence


def test_the_earlier_fork_is_discarded_without_what_the_later_goes_on_with(
    component: Component, author: Person, fork: Upstream, first: Fork
) -> None:
    loud = draft_of(first, 1)
    again = taken_apart(make_fork(component, author, fork))
    unmasking.discard(person=author, fork=first)
    loud.refresh_from_db()
    assert loud.current is not None
    unmasking.discard(person=author, fork=again)
    loud.refresh_from_db()
    assert (loud.state, loud.current) == ("withdrawn", None)


def test_what_is_about_to_be_public_stays_with_the_earlier_fork(
    component: Component, author: Person, fork: Upstream, first: Fork
) -> None:
    unmasking.publish(person=author, fork=first, positions=[1])
    again = taken_apart(make_fork(component, author, fork))
    assert told(again) == [("Sing the twentieth louder", "known"), ("Shout", "drafted")]
    assert Carried.objects.get(fork=first, position=1).asked_at is not None
