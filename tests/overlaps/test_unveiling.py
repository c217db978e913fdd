"""A draft is public by itself when nothing is like it; else its author says so first."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db.models.functions import Now

from contributions.actions.sharing import share
from contributions.actions.voting import vote
from contributions.actions.withdrawing import withdraw
from contributions.errors import Clash, NotAllowed
from contributions.models import Build, Contribution, Event, Fit, Notification, Person
from contributions.models.overlapping import Likeness, overlaps_of
from contributions.pipeline.telling import tell_waiting
from contributions.pipeline.unveiling import due, unveil_if_clear
from tests.factories import make_person
from tests.platform import GREETING, SHOUT, SONG, SONG_MENDED

if TYPE_CHECKING:
    from .conftest import Shares

pytestmark = pytest.mark.django_db
LOUD = GREETING.replace("'Hello ' + name", "'Hello, ' + name + '!'")


def is_seen(contribution: Contribution) -> bool:
    return Contribution.objects.visible_to(AnonymousUser()).filter(pk=contribution.pk).exists()


def likenesses(contribution: Contribution) -> dict[int, str]:
    found = overlaps_of(contribution, contribution.author)
    return {one.contribution.pk: one.likeness for one in found.others}


@pytest.mark.usefixtures("recipe")
def test_what_is_like_nothing_is_public_by_itself(shared: Shares) -> None:
    made = shared(greeting__py=SHOUT, hold=True)
    assert (made.is_draft, is_seen(made)) == (False, True)
    assert made.events.filter(verb=Event.Verb.SHARED, actor=made.author).count() == 1
    assert Build.objects.filter(revision=made.current).count() == 4


def test_what_is_not_held_is_public_when_it_is_received(shared: Shares) -> None:
    first = shared(greeting__py=SHOUT)
    assert is_seen(shared(greeting__py=SHOUT, title="The same again"))
    assert not first.events.filter(verb=Event.Verb.SHARED).exists()


@pytest.mark.usefixtures("recipe")
def test_the_same_change_waits_for_its_author(shared: Shares, peer: Person) -> None:
    first = shared(greeting__py=SHOUT)
    second = shared(base="2.0", title="Louder", greeting__py=SHOUT, hold=True, author=peer)
    assert likenesses(second) == {first.pk: Likeness.SAME}
    assert (second.is_draft, second.shares_at, is_seen(second)) == (True, None, False)
    assert not Build.objects.filter(revision=second.current).exists()
    tell_waiting()
    assert Notification.objects.get(event__verb=Event.Verb.ALIKE).person == peer
    share(person=peer, contribution=second)
    assert is_seen(second)
    assert Build.objects.filter(revision=second.current).count() == 4
    assert likenesses(first) == {second.pk: Likeness.SAME}


def test_another_change_of_the_same_lines_waits(shared: Shares, peer: Person) -> None:
    first = shared(greeting__py=SHOUT)
    second = shared(greeting__py=LOUD, hold=True, author=peer)
    assert likenesses(second) == {first.pk: Likeness.LINES}
    assert second.is_draft


def test_the_same_change_to_one_of_its_files_is_told(shared: Shares, peer: Person) -> None:
    first = shared(greeting__py=SHOUT)
    second = shared(greeting__py=SHOUT, song__txt=SONG + "verse 31\n", hold=True, author=peer)
    assert likenesses(second) == {first.pk: Likeness.PART}


def test_what_upstream_has_waits_for_its_author(shared: Shares) -> None:
    made = shared(song__txt=SONG_MENDED, hold=True)
    found = overlaps_of(made, made.author)
    assert made.is_draft
    assert [(fit.release.name, bool(fit.upstream_commit)) for fit in found.upstream] == [("3.0", True), ("4.0", True)]
    assert found.others == ()


def test_lines_far_away_in_the_same_file_do_not_hold_it(shared: Shares, peer: Person) -> None:
    first = shared(song__txt=SONG.replace("verse 2\n", "verse two\n"))
    second = shared(song__txt=SONG.replace("verse 28\n", "verse xxviii\n"), hold=True, author=peer)
    assert is_seen(second)
    assert overlaps_of(second, peer).files == (("song.txt", 1),)
    assert not likenesses(first)


def test_what_is_withdrawn_holds_nobody(shared: Shares, peer: Person) -> None:
    first = shared(greeting__py=SHOUT)
    withdraw(person=first.author, contribution=first, reason="It was wrong.")
    assert is_seen(shared(greeting__py=SHOUT, hold=True, author=peer))


def test_the_same_change_that_was_rejected_is_told(shared: Shares, peer: Person) -> None:
    first = shared(greeting__py=SHOUT)
    first.move(Contribution.State.REJECTED)
    assert likenesses(shared(greeting__py=SHOUT, hold=True, author=peer)) == {first.pk: Likeness.SAME}


def test_a_draft_of_somebody_else_is_not_told(shared: Shares, peer: Person) -> None:
    shared(greeting__py=SHOUT)
    hidden = shared(greeting__py=SHOUT, hold=True)
    assert hidden.is_draft
    later = shared(greeting__py=LOUD, hold=True, author=peer)
    assert hidden.pk not in likenesses(later)
    assert hidden.pk in {one.contribution.pk for one in overlaps_of(later, hidden.author).others}


def test_releases_have_their_time_and_no_more(shared: Shares) -> None:
    made = shared(greeting__py=SHOUT, hold=True)
    Contribution.objects.filter(pk=made.pk).update(is_draft=True, shares_at=Now() + timedelta(minutes=5))
    Fit.objects.filter(revision=made.current, release__name="4.0").update(state="queued")
    unveil_if_clear(made.pk)
    assert (is_seen(made), due(9)) == (False, [])
    Contribution.objects.filter(pk=made.pk).update(shares_at=Now() - timedelta(seconds=1))
    assert due(9) == [made.pk]
    unveil_if_clear(made.pk)
    assert (is_seen(made), due(9)) == (True, [])


def test_only_its_author_makes_it_public_and_only_once(shared: Shares, peer: Person) -> None:
    shared(greeting__py=SHOUT)
    draft = shared(greeting__py=LOUD, hold=True)
    for stranger in (peer, make_person(is_staff=True)):
        with pytest.raises(NotAllowed):
            share(person=stranger, contribution=draft)
    share(person=draft.author, contribution=draft)
    with pytest.raises(Clash, match="public already"):
        share(person=draft.author, contribution=draft)
    assert draft.events.filter(verb=Event.Verb.SHARED).count() == 1


def test_nobody_votes_on_a_draft(shared: Shares) -> None:
    shared(greeting__py=SHOUT)
    draft = shared(greeting__py=LOUD, hold=True)
    staff = make_person(is_staff=True)
    with pytest.raises(Clash, match="draft"):
        vote(person=staff, contribution=draft, value=1)
    share(person=draft.author, contribution=draft)
    vote(person=staff, contribution=draft, value=1)


def test_a_withdrawn_draft_stays_out_of_sight(shared: Shares) -> None:
    shared(greeting__py=SHOUT)
    draft = shared(greeting__py=LOUD, hold=True)
    withdraw(person=draft.author, contribution=draft, reason="Not needed.")
    with pytest.raises(Clash):
        share(person=draft.author, contribution=draft)
    Contribution.objects.filter(pk=draft.pk).update(shares_at=Now())
    unveil_if_clear(draft.pk)
    assert not is_seen(draft)
