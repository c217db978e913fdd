"""Organisations, their members, and the tokens of people's machines."""

from __future__ import annotations

import pytest

from contributions.actions.issuing import make_token, revoke_token
from contributions.actions.organising import found_organisation, remove_member
from contributions.errors import Clash, Invalid, NotAllowed
from contributions.models import ApiToken, Event, Membership, Organisation
from tests.factories import make_organisation, make_person

pytestmark = pytest.mark.django_db


def test_its_founder_owns_an_organisation() -> None:
    founder = make_person()
    organisation = found_organisation(founder=founder, name="An Operator")
    assert organisation.slug == "an-operator"
    assert organisation.may_be_run_by(founder)
    assert founder.organisation == organisation


@pytest.mark.parametrize("name", ["", "   ", "\x00", "…", "new"])
def test_a_name_without_letters_is_refused(name: str) -> None:
    with pytest.raises(Invalid):
        found_organisation(founder=make_person(), name=name)
    assert not Organisation.objects.exists()


def test_two_organisations_cannot_share_a_name() -> None:
    found_organisation(founder=make_person(), name="An Operator")
    with pytest.raises(Clash):
        found_organisation(founder=make_person(), name="an operator")


def test_a_member_may_leave_and_the_last_owner_may_not() -> None:
    owner, member = make_person(), make_person()
    organisation = make_organisation(owner=owner)
    Membership.objects.create(organisation=organisation, person=member)
    with pytest.raises(NotAllowed):
        remove_member(person=member, organisation=organisation, username=owner.username)
    remove_member(person=member, organisation=organisation, username=member.username)
    with pytest.raises(Clash):
        remove_member(person=owner, organisation=organisation, username=owner.username)
    assert list(organisation.memberships.values_list("person", flat=True)) == [owner.pk]


def test_a_secret_is_stored_nowhere_and_opens_until_it_is_revoked() -> None:
    person = make_person()
    token, secret = make_token(person=person, name="CI", scopes=["read", "write"], days=30)
    assert secret.startswith("pb_")
    assert secret not in str(ApiToken.objects.values().get())
    assert not Event.objects.filter(text__contains=secret).exists()
    assert ApiToken.objects.bearing(secret) == token
    with pytest.raises(NotAllowed):
        revoke_token(person=make_person(), token=token)
    revoke_token(person=person, token=token)
    assert ApiToken.objects.bearing(secret) is None


def test_a_token_of_a_closed_account_opens_nothing() -> None:
    person = make_person()
    _, secret = make_token(person=person, name="CI", scopes=["read"], days=None)
    person.is_active = False
    person.save()
    assert ApiToken.objects.bearing(secret) is None


@pytest.mark.parametrize(("scopes", "days"), [([], 1), (["admin"], 1), (["read"], 0), (["read"], 9999)])
def test_a_token_has_known_scopes_and_a_sensible_life(scopes: list[str], days: int) -> None:
    with pytest.raises(Invalid):
        make_token(person=make_person(), name="CI", scopes=scopes, days=days)
