"""Joining another contribution instead: what becomes of one's own, and what the other one gains."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import AnonymousUser

from contributions.actions.joining import join
from contributions.actions.voting import vote
from contributions.errors import Clash, Invalid, NotAllowed
from contributions.models import Contribution, Event, Follow
from tests import factories
from tests.pages.conftest import signed_in

if TYPE_CHECKING:
    from contributions.models import Component

pytestmark = pytest.mark.django_db


@pytest.fixture
def component() -> Component:
    return factories.make_component("swift")


@pytest.fixture
def target(component: Component) -> Contribution:
    return factories.recompute(factories.make_contribution(component=component, title="The first"))


@pytest.fixture
def own(component: Component) -> Contribution:
    return factories.recompute(factories.make_contribution(component=component, title="The second"))


def test_ones_own_is_withdrawn_and_points_to_the_other(own: Contribution, target: Contribution) -> None:
    joined = join(person=own.author, contribution=own, into=target, text="It also *leaks* on 2.36.")
    assert (joined.state, joined.joined) == ("withdrawn", target)
    target.refresh_from_db()
    assert (target.up, target.comment_count) == (1, 1)
    assert Follow.objects.get(person=own.author, contribution=target).is_chosen
    told = target.events.get(verb=Event.Verb.MERGED)
    assert (told.actor, told.text) == (own.author, f"#{own.pk}")
    page = signed_in(None).get(f"/contributions/{own.pk}/").content.decode()
    assert f'Joined <a href="/contributions/{target.pk}/">#{target.pk}</a>' in page
    assert "The second" in signed_in(None).get(f"/contributions/{target.pk}/overlaps/").content.decode()


def test_of_a_draft_nobody_hears(own: Contribution, target: Contribution) -> None:
    Contribution.objects.filter(pk=own.pk).update(is_draft=True)
    own.refresh_from_db()
    join(person=own.author, contribution=own, into=target)
    assert target.events.get(verb=Event.Verb.MERGED).text == ""
    assert not Contribution.objects.visible_to(AnonymousUser()).filter(pk=own.pk).exists()
    page = signed_in(None).get(f"/contributions/{target.pk}/overlaps/").content.decode()
    assert "The second" not in page
    assert "The second" in signed_in(own.author).get(f"/contributions/{target.pk}/overlaps/").content.decode()


def test_a_vote_against_it_stays(own: Contribution, target: Contribution) -> None:
    vote(person=own.author, contribution=target, value=-1)
    join(person=own.author, contribution=own, into=target)
    target.refresh_from_db()
    assert (target.up, target.down) == (0, 1)


def test_one_who_muted_it_hears_of_it_again(own: Contribution, target: Contribution) -> None:
    Follow.objects.create(person=own.author, contribution=target, is_muted=True, is_chosen=False)
    join(person=own.author, contribution=own, into=target)
    assert not Follow.objects.get(person=own.author, contribution=target).is_muted


def test_only_its_author_joins_and_only_until_it_is_withdrawn(own: Contribution, target: Contribution) -> None:
    for stranger in (target.author, factories.make_person(is_staff=True)):
        with pytest.raises(NotAllowed):
            join(person=stranger, contribution=own, into=target)
    own = join(person=own.author, contribution=own, into=target)
    with pytest.raises(NotAllowed):
        join(person=own.author, contribution=own, into=target)


def test_what_cannot_be_joined_is_told_and_nothing_is_lost(own: Contribution, target: Contribution) -> None:
    elsewhere = factories.make_contribution()
    draft = factories.make_contribution(component=own.component, author=own.author, is_draft=True)
    for into, sentence in ((own, "itself"), (elsewhere, "another component"), (draft, "not public")):
        with pytest.raises(Invalid, match=sentence):
            join(person=own.author, contribution=own, into=into, text="Words.")
    target.move("withdrawn")
    with pytest.raises(Clash, match="withdrawn"):
        join(person=own.author, contribution=own, into=target, text="Words.")
    own.refresh_from_db()
    assert (own.state, own.joined) == ("open", None)
    assert not target.comments.exists()


def test_what_was_typed_is_still_there_after_a_refusal(own: Contribution) -> None:
    form = {"into": 424242, "text": "My long words."}
    answer = signed_in(own.author).post(f"/contributions/{own.pk}/join/", form)
    assert answer.status_code == 400
    page = answer.content.decode()
    assert "There is no contribution #424242 to join." in page
    assert "My long words." in page
