"""Two people, or one with two hands, at the same moment: nothing is lost, doubled or let through."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from contributions.actions.organising import found_organisation, remove_member
from contributions.actions.reviewing import review
from contributions.actions.sources import PatchFile
from contributions.actions.submitting import revise
from contributions.actions.withdrawing import withdraw
from contributions.errors import Refusal
from contributions.models import Contribution, Event, Membership, Organisation, Publication, Review, Revision
from contributions.pipeline.publishing import publish
from tests import factories

if TYPE_CHECKING:
    from collections.abc import Callable

    from contributions.models import Person

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*acts: Callable[[], object]) -> list[object]:
    """What each act returned, or the refusal that it met; all of them begin at the same moment."""
    start = Barrier(len(acts))

    def begun(act: Callable[[], object]) -> object:
        try:
            connection.ensure_connection()
            start.wait(timeout=10)
            return act()
        except Refusal as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as people:
        return list(people.map(begun, acts))


def reviewed(approvals: int) -> tuple[Contribution, list[Person]]:
    maintainers = [factories.make_person() for _ in range(approvals)]
    component = factories.make_component(maintainers=tuple(maintainers), approvals_needed=approvals)
    contribution = factories.make_contribution(release=factories.make_release(component))
    return contribution, maintainers


def fresh(contribution: Contribution) -> Contribution:
    return Contribution.objects.with_names().get(pk=contribution.pk)


@pytest.mark.attack("P20")
def test_revisions_sent_at_once_are_all_kept_and_numbered() -> None:
    contribution, _ = reviewed(1)

    def sent(number: int) -> Revision:
        patch = PatchFile(SimpleUploadedFile(f"{number}.patch", b"patch %d" % number))
        mine = fresh(contribution)
        return revise(author=mine.author, contribution=mine, source=patch)

    at_once(*[lambda number=number: sent(number) for number in range(8)])
    kept = Revision.objects.filter(contribution=contribution).order_by("number")
    assert [revision.number for revision in kept] == list(range(1, 10))
    assert len({revision.filename for revision in kept}) == 9


def test_two_approvals_at_once_approve_once() -> None:
    contribution, maintainers = reviewed(2)
    given = [
        lambda person=person: review(reviewer=person, contribution=fresh(contribution), verdict="approve")
        for person in maintainers
    ]
    found = at_once(*given)
    assert all(isinstance(one, Review) for one in found), found
    assert fresh(contribution).state == "approved"
    assert Event.objects.filter(verb=Event.Verb.APPROVED).count() == 1


@pytest.mark.parametrize("_", range(4))
def test_what_is_withdrawn_while_it_is_approved_and_published_is_never_left_in_the_feed(_: int) -> None:
    contribution, (maintainer,) = reviewed(1)
    factories.make_fit(contribution.current, contribution.release)
    factories.make_artifact(factories.make_build(contribution.current, contribution.release))
    at_once(
        lambda: withdraw(person=contribution.author, contribution=fresh(contribution), reason="Wrong."),
        lambda: review(reviewer=maintainer, contribution=fresh(contribution), verdict="approve"),
        lambda: publish(contribution.pk),
        lambda: publish(contribution.pk),
    )
    publish(contribution.pk)
    found = fresh(contribution)
    assert found.state in {"withdrawn", "approved"}  # the one who came second was told so
    if found.is_withdrawn:
        assert not Publication.objects.live().exists()
    else:
        assert Publication.objects.live().count() == 1


def test_what_is_published_while_it_is_withdrawn_is_never_left_in_the_feed() -> None:
    for _ in range(6):
        contribution, (maintainer,) = reviewed(1)
        factories.make_artifact(factories.make_build(contribution.current, contribution.release))
        review(reviewer=maintainer, contribution=fresh(contribution), verdict="approve")
        at_once(
            lambda mine=contribution: withdraw(person=mine.author, contribution=fresh(mine), reason="Wrong."),
            lambda mine=contribution: publish(mine.pk),
        )
        assert fresh(contribution).is_withdrawn
        assert not Publication.objects.live().exists()


def test_one_name_is_given_to_one_organisation() -> None:
    founders = [factories.make_person() for _ in range(6)]
    found = at_once(*[lambda one=one: found_organisation(founder=one, name="Northern Hosting") for one in founders])
    assert sum(isinstance(one, Organisation) for one in found) == 1
    assert Organisation.objects.count() == Membership.objects.count() == 1


def test_two_last_owners_cannot_both_leave() -> None:
    for _ in range(5):
        owners = [factories.make_person(), factories.make_person()]
        organisation = factories.make_organisation(owner=owners[0])
        Membership.objects.create(organisation=organisation, person=owners[1], role=Membership.Role.OWNER)
        at_once(
            *[
                lambda one=one, all_of=organisation: remove_member(
                    person=one, organisation=all_of, username=one.username
                )
                for one in owners
            ]
        )
        assert organisation.memberships.filter(role=Membership.Role.OWNER).count() == 1
