"""When somebody else may have an account or an organisation now: it is noted, told, and never without a cause."""

from __future__ import annotations

import re

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client

from contributions.actions.belonging import changed_hands
from contributions.actions.organising import remove_member
from contributions.models import Event, Membership, Organisation, Person
from tests.factories import PASSWORD, make_organisation, make_person

pytestmark = pytest.mark.django_db(transaction=True)  # mail leaves when all is committed
NEW_PASSWORD = "another long pass phrase"


def signed_in(person: Person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def noted(person: Person) -> bool:
    person.refresh_from_db()
    seen = Event.objects.filter(verb=Event.Verb.CHANGED_HANDS, subject=person).exists()
    assert seen == (person.changed_hands_at is not None)
    return seen


def told() -> list[str]:
    return [address for letter in mail.outbox if "changed hands" in letter.subject for address in letter.to]


def test_it_is_noted_with_its_cause_and_told() -> None:
    person = make_person("hannah")
    changed_hands(person, "Staff took the second factor off this account.")
    event = Event.objects.get(verb=Event.Verb.CHANGED_HANDS)
    assert (event.subject, event.text) == (person, "Staff took the second factor off this account.")
    assert noted(person)
    assert told() == ["hannah@example.org"]
    assert "Staff took the second factor off" in mail.outbox[0].body


@pytest.mark.attack("T11")
def test_the_old_address_hears_that_another_one_took_its_place() -> None:
    person = make_person("hannah")
    EmailAddress.objects.create(user=person, email=person.email, primary=True, verified=True)
    EmailAddress.objects.create(user=person, email="thief@example.net", verified=True)
    client = Client()
    client.post("/account/login/", {"login": "hannah", "password": PASSWORD})
    client.post("/account/email/", {"action_primary": "", "email": "thief@example.net"})
    assert Person.objects.get().email == "thief@example.net"
    assert noted(person)
    assert "hannah@example.org" in told()
    assert "thief@example.net" not in told()


@pytest.mark.attack("T11")
def test_a_password_reset_by_mail_is_noted_and_its_link_opens_once() -> None:
    person, client = make_person("hannah"), Client()
    client.post("/account/password/reset/", {"email": person.email})
    link = re.search(r"/account/password/reset/key/\S+", mail.outbox[0].body).group()  # type: ignore[union-attr]
    form = client.get(link, follow=True).request["PATH_INFO"]
    client.post(form, {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD})
    person.refresh_from_db()
    assert person.check_password(NEW_PASSWORD)
    assert noted(person)
    assert told() == [person.email]
    again = Client().get(link, follow=True)
    assert b'name="password1"' not in again.content, "used up"


def test_a_password_that_its_owner_changes_is_no_change_of_hands() -> None:
    person = make_person()
    client = Client()
    client.post("/account/login/", {"login": person.username, "password": PASSWORD})
    form = {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    client.post("/account/password/change/", form)
    person.refresh_from_db()
    assert person.check_password(NEW_PASSWORD)
    assert not noted(person)


def admin_form(person: Person, **changed: str) -> dict[str, str]:
    usual = {"username": person.username, "email": person.email, "is_active": "on"}
    return usual | {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"} | changed


def test_staff_who_replace_a_mail_address_leave_a_trace() -> None:
    boss = make_person("boss", is_staff=True, is_superuser=True)
    person = make_person("hannah")
    address = f"/admin/contributions/person/{person.pk}/change/"
    assert signed_in(boss).post(address, admin_form(person, name="Hannah")).status_code == 302
    assert not noted(person)
    assert signed_in(boss).post(address, admin_form(person, email="other@example.net")).status_code == 302
    assert noted(person)
    assert Event.objects.get(verb=Event.Verb.CHANGED_HANDS).actor == boss
    assert told() == ["hannah@example.org"]


def test_staff_who_give_an_account_a_password_leave_a_trace() -> None:
    boss = make_person("boss", is_staff=True, is_superuser=True)
    person, client = make_person("hannah"), signed_in(boss)
    address = f"/admin/contributions/person/{person.pk}/password/"
    client.post(address, {"password1": NEW_PASSWORD, "password2": "not the same"})
    assert not noted(person)
    client.post(address, {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD, "usable_password": "true"})
    person.refresh_from_db()
    assert person.check_password(NEW_PASSWORD)
    assert noted(person)


def test_an_owner_who_goes_changes_whose_the_organisation_is_and_a_member_does_not() -> None:
    first, second, member = make_person(), make_person(), make_person()
    organisation = make_organisation(owner=first)
    Membership.objects.create(organisation=organisation, person=second, role=Membership.Role.OWNER)
    Membership.objects.create(organisation=organisation, person=member)
    remove_member(person=first, organisation=organisation, username=member.username)
    assert Organisation.objects.get().changed_hands_at is None
    remove_member(person=second, organisation=organisation, username=first.username)
    assert Organisation.objects.get().changed_hands_at is not None
    event = Event.objects.get(verb=Event.Verb.CHANGED_HANDS)
    assert (event.organisation, event.actor) == (organisation, second)
    assert event.text == "Its owners changed: 1 went, 0 came."


def test_staff_who_make_another_owner_leave_a_trace() -> None:
    boss = make_person("boss", is_staff=True, is_superuser=True)
    owner, member = make_person(), make_person()
    organisation = make_organisation("Northern", owner=owner)
    membership = Membership.objects.create(organisation=organisation, person=member)
    form = {"slug": "northern", "name": "Northern", "kind": "customer"}
    form |= {"memberships-TOTAL_FORMS": "2", "memberships-INITIAL_FORMS": "2"}
    for number, row in enumerate([organisation.memberships.get(person=owner), membership]):
        prefix = f"memberships-{number}-"
        form |= {f"{prefix}id": str(row.pk), f"{prefix}organisation": str(organisation.pk)}
        form |= {f"{prefix}person": str(row.person_id), f"{prefix}role": "owner" if number else row.role}
    address = f"/admin/contributions/organisation/{organisation.pk}/change/"
    assert signed_in(boss).post(address, form).status_code == 302
    assert sorted(organisation.owner_keys()) == sorted([owner.pk, member.pk])
    organisation.refresh_from_db()
    assert organisation.changed_hands_at is not None
