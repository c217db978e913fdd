"""Attempts to be more voices than one: what a person says of a contribution counts once, and of one's own never."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest

from contributions.actions.organising import found_organisation, remove_member
from contributions.actions.reporting import report
from contributions.errors import Clash
from contributions.models import Contribution, FieldReport
from tests import factories

if TYPE_CHECKING:
    from contributions.models import Person

pytestmark = [pytest.mark.django_db, pytest.mark.attack("T15")]


def shared(**given: object) -> Contribution:
    release = factories.make_release()
    return factories.recompute(factories.make_contribution(release=release, **given))


def works(author: Person, contribution: Contribution) -> None:
    release = contribution.release
    report(author=author, contribution=contribution, release=release, outcome="works", stage="production")


def test_a_person_who_goes_from_one_organisation_to_the_next_is_still_one_voice() -> None:
    contribution, friend, puppet = shared(), factories.make_person(), factories.make_person()
    for number in range(4):
        organisation = found_organisation(founder=friend, name=f"Shell company {number}")
        factories.belong(puppet, organisation)
        with pytest.raises(Clash, match="Shell company 0") if number else nullcontext():
            works(puppet, contribution)
        remove_member(person=friend, organisation=organisation, username=puppet.username)
    assert FieldReport.objects.count() == 1
    contribution.refresh_from_db()
    assert contribution.running_count == 1


def test_an_author_who_founds_an_organisation_later_is_still_the_author() -> None:
    author = factories.make_person()
    contribution = shared(author=author)
    before = contribution.score
    found_organisation(founder=author, name="Nobody but me")
    works(author, contribution)
    contribution.refresh_from_db()
    assert (contribution.score, contribution.running_count) == (before, 0)


def test_a_colleague_in_the_organisation_that_the_author_joined_later_does_not_count() -> None:
    author, colleague = factories.make_person(), factories.make_person()
    contribution = shared(author=author)
    before = contribution.score
    organisation = found_organisation(founder=author, name="Two of us")
    factories.belong(colleague, organisation)
    works(colleague, contribution)
    contribution.refresh_from_db()
    assert (contribution.score, contribution.running_count) == (before, 0)
