"""Invitations: nobody belongs to an organisation who did not accept, and no link works twice or for another."""

from __future__ import annotations

import re
from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.utils import timezone

from contributions.actions import inviting
from contributions.actions.organising import set_role, speak_for
from contributions.errors import Clash, Invalid, Missing, NotAllowed, Refusal, TooMany
from contributions.models import Event, Invitation, Membership, Organisation, Person
from tests.factories import belong, make_organisation, make_person
from tests.pages.conftest import signed_in

LINK = re.compile(r"/invitations/[\w-]+/")


@pytest.fixture
def owner() -> Person:
    return make_person("owner")


@pytest.fixture
def organisation(owner: Person) -> Organisation:
    return make_organisation("Northern Hosting", owner=owner)


def invited(organisation: Organisation, **whom: str) -> Invitation:
    owner = organisation.memberships.get(role="owner").person
    return inviting.invite(person=owner, organisation=organisation, **whom)


@pytest.mark.django_db
def test_an_account_belongs_to_it_once_it_accepts(organisation: Organisation) -> None:
    guest = make_person("guest")
    invitation = invited(organisation, username="guest")
    assert guest.organisation is None
    assert list(Invitation.objects.naming(guest)) == [invitation]
    assert inviting.accept_invitation(person=guest, invitation=invitation).role == "member"
    assert guest.organisation == organisation
    with pytest.raises(Clash):
        inviting.accept_invitation(person=guest, invitation=invitation)
    with pytest.raises(Clash, match="guest is a member already"):
        invited(organisation, username="guest")


@pytest.mark.django_db
def test_only_the_account_that_is_named_may_answer(organisation: Organisation) -> None:
    make_person("guest")
    invitation = invited(organisation, username="guest")
    for act in (inviting.accept_invitation, inviting.decline_invitation):
        with pytest.raises(Missing):
            act(person=make_person(), invitation=invitation)
    assert organisation.memberships.count() == 1


@pytest.mark.django_db
def test_only_owners_invite_and_take_back(organisation: Organisation, owner: Person) -> None:
    member = make_person("member")
    belong(member, organisation)
    with pytest.raises(NotAllowed):
        inviting.invite(person=member, organisation=organisation, username="owner")
    make_person("guest")
    invitation = invited(organisation, username="guest")
    with pytest.raises(NotAllowed):
        inviting.revoke_invitation(person=member, invitation=invitation)
    inviting.revoke_invitation(person=owner, invitation=invitation)
    with pytest.raises(Clash):
        inviting.accept_invitation(person=Person.objects.get(username="guest"), invitation=invitation)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("whom", "refusal"),
    [
        ({}, Invalid),
        ({"username": "guest", "email": "guest@example.org"}, Invalid),
        ({"username": "nobody"}, Missing),
        ({"email": "no address"}, Invalid),
        ({"email": "a@example.org\nBcc: b@example.org"}, Invalid),
        ({"username": "guest", "role": "emperor"}, Invalid),
    ],
)
def test_whom_and_as_what_is_checked(organisation: Organisation, whom: dict[str, str], refusal: type[Refusal]) -> None:
    make_person("guest")
    with pytest.raises(refusal):
        invited(organisation, **whom)
    assert not Invitation.objects.exists()


@pytest.mark.django_db
def test_an_address_with_an_account_is_answered_like_one_without(
    organisation: Organisation, django_capture_on_commit_callbacks: object
) -> None:
    make_person("known", email="known@example.org")
    client = signed_in(organisation.memberships.get().person)
    for address in ("known@example.org", "unknown@example.org"):
        with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
            answer = client.post("/organisations/northern-hosting/invite/", {"email": address}, follow=True)
        assert answer.status_code == 200
        assert b"Invited." in answer.content
    first, second = mail.outbox
    assert len(first.body) == len(second.body)


@pytest.mark.django_db
def test_a_mailed_link_works_once_for_whoever_follows_it(
    organisation: Organisation, django_capture_on_commit_callbacks: object
) -> None:
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        invitation = invited(organisation, email="new@example.org", role="owner")
    found = LINK.search(mail.outbox[0].body)
    assert found is not None
    assert mail.outbox[0].to == ["new@example.org"]
    assert found[0].split("/")[2] not in str(Invitation.objects.values().get(pk=invitation.pk)), "only a digest is kept"
    looked = Client().get(found[0])
    assert b"Sign in to answer" in looked.content
    assert looked.headers["Cache-Control"] == "no-store, private"
    assert organisation.memberships.count() == 1, "looking does nothing"
    person = make_person("newcomer")
    assert signed_in(person).post(found[0], {"answer": "accept"}).status_code == 302
    assert Membership.objects.get(person=person).role == "owner"
    assert Event.objects.filter(verb="changed-hands", organisation=organisation).exists()
    assert signed_in(make_person()).post(found[0], {"answer": "accept"}).status_code == 404
    assert Client().get(found[0]).status_code == 404


@pytest.mark.django_db
def test_what_expired_or_came_from_a_former_owner_is_void(organisation: Organisation, owner: Person) -> None:
    guest, other = make_person("guest"), make_person("other")
    late = invited(organisation, username="guest")
    Invitation.objects.filter(pk=late.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    late.refresh_from_db()
    with pytest.raises(Missing):
        inviting.accept_invitation(person=guest, invitation=late)
    again = invited(organisation, username="guest")
    assert again.pk != late.pk, "what expired does not stand in the way"
    belong(other, organisation, role="owner")
    set_role(person=other, organisation=organisation, username="owner", role="member")
    with pytest.raises(Clash, match="does not speak for"):
        inviting.accept_invitation(person=guest, invitation=again)
    again.refresh_from_db()
    assert again.state == "revoked"
    assert owner.organisation == organisation


@pytest.mark.django_db
def test_inviting_is_paced_and_asked_twice_it_is_one(organisation: Organisation) -> None:
    for number in range(30):
        invited(organisation, email=f"guest{number % 3}@example.org")
    assert organisation.invitations.waiting().count() == 3
    with pytest.raises(TooMany):
        invited(organisation, email="one-more@example.org")


@pytest.mark.django_db(transaction=True)
def test_accepted_twice_at_once_it_makes_one_member(organisation: Organisation) -> None:
    guest = make_person("guest")
    invitation = invited(organisation, username="guest")
    together, ends = Barrier(4), []

    def accept() -> None:
        mine = Invitation.objects.get(pk=invitation.pk)
        together.wait(60)
        try:
            inviting.accept_invitation(person=guest, invitation=mine)
            ends.append("joined")
        except Refusal as refusal:
            ends.append(type(refusal).__name__)
        finally:
            connection.close()

    threads = [Thread(target=accept) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(ends) == ["Clash", "Clash", "Clash", "joined"]
    assert organisation.memberships.count() == 2
    assert Event.objects.filter(verb="joined", actor=guest).count() == 1


@pytest.mark.django_db
def test_the_last_owner_stays_one_and_others_change(organisation: Organisation, owner: Person) -> None:
    member = make_person("member")
    belong(member, organisation)
    with pytest.raises(Clash, match="The last owner stays"):
        set_role(person=owner, organisation=organisation, username="owner", role="member")
    with pytest.raises(NotAllowed):
        set_role(person=member, organisation=organisation, username="member", role="owner")
    set_role(person=owner, organisation=organisation, username="member", role="owner")
    set_role(person=member, organisation=organisation, username="owner", role="member")
    assert organisation.owner_keys() == [member.pk]
    assert Event.objects.filter(verb="changed-hands", organisation=organisation).count() == 2


@pytest.mark.django_db
def test_one_chooses_for_whom_one_speaks(organisation: Organisation, owner: Person) -> None:
    second = make_organisation("Southern Hosting", owner=owner)
    assert owner.organisation == organisation
    speak_for(person=owner, organisation=second)
    assert owner.organisation == second
    speak_for(person=owner, organisation=organisation)
    assert owner.organisation == organisation
    with pytest.raises(NotAllowed):
        speak_for(person=make_person(), organisation=second)


@pytest.mark.django_db
def test_the_page_of_the_organisation_and_that_of_the_invited(organisation: Organisation, owner: Person) -> None:
    guest = make_person("guest")
    page = signed_in(owner).post("/organisations/northern-hosting/invite/", {"username": "guest"}, follow=True)
    assert b"Invited." in page.content
    assert b"Take it back" in page.content
    assert b"Take it back" not in signed_in(guest).get("/organisations/northern-hosting/").content
    refused = signed_in(owner).post("/organisations/northern-hosting/invite/", {"username": "nobody"})
    assert refused.status_code == 404
    assert b"There is no account named" in refused.content
    client = signed_in(guest)
    assert b"Northern Hosting" in client.get("/account/invitations/").content
    invitation = Invitation.objects.get()
    assert client.post(f"/account/invitations/{invitation.pk}/decline/").status_code == 302
    assert b"Nobody has invited you" in client.get("/account/invitations/").content
    assert organisation.memberships.count() == 1
