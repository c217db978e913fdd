"""Coming in: guessing is slowed, second factors hold, links work once, and nobody learns who has an account."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.core import mail
from django.core.cache import cache
from django.db import connection
from django.test import Client

from contributions.models import Event, FormerName, Person
from tests import factories
from tests.accounts.doors import add_totp, code, enter, signed_in
from tests.api.conftest import Caller

if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper

pytestmark = pytest.mark.django_db
NEW = "quite another phrase"
SIGN_UP = {"username": "newcomer", "email": "new@example.org", "password1": NEW, "password2": NEW}


def is_in(client: Client) -> bool:
    return client.get("/account/security/").status_code == 200


def errors(page: bytes) -> list[str]:
    return re.findall(r'class="errorlist[^"]*"[^>]*><li>(.*?)</li>', page.decode())


@pytest.mark.attack("T11")
def test_guessing_a_password_is_slowed_for_every_process_together() -> None:
    factories.make_person("victim")
    for _ in range(5):
        assert not is_in(_tried("victim", "wrong wrong wrong"))
    late = Client()
    answer = enter(late, "victim")
    assert "Too many failed login attempts" in answer.content.decode()
    assert not is_in(late)
    assert is_in(_tried(factories.make_person("other").username, factories.PASSWORD)), "the control: only that account"
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM portal_cache")
        assert cursor.fetchone()[0] > 0, "where all processes count"


def _tried(name: str, password: str) -> Client:
    client = Client()
    enter(client, name, password)
    return client


@pytest.mark.attack("T11")
def test_the_clients_address_is_the_proxys_word_and_nobody_elses(settings: SettingsWrapper) -> None:
    def asked(forwarded: str) -> set[int]:
        """What 25 clients hear who each ask for another reset."""
        return {
            Client()
            .post(
                "/account/password/reset/",
                {"email": f"nobody{number}@example.org"},
                headers={"X-Forwarded-For": forwarded.format(number)},
            )
            .status_code
            for number in range(25)
        }

    assert 429 in asked("203.0.113.{}"), "without a proxy the header is nothing"
    cache.clear()
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    assert asked("203.0.113.{}") == {302}
    cache.clear()
    assert 429 in asked("198.51.100.{}, 203.0.113.77"), "only the last entry is the proxy's own"


@pytest.mark.attack("T11")
def test_nobody_learns_by_a_reset_who_has_an_account() -> None:
    factories.make_person("known")
    pages = []
    for address in ("known@example.org", "unknown@example.org"):
        answer = Client().post("/account/password/reset/", {"email": address}, follow=True)
        pages.append(re.sub(r'csrf[^>]*value="[^"]*"', "", answer.content.decode()))
    assert pages[0] == pages[1]
    assert [letter.to for letter in mail.outbox] == [["known@example.org"], ["unknown@example.org"]]


@pytest.mark.attack("T11")
def test_nobody_learns_by_signing_up_where_addresses_must_be_proved(settings: SettingsWrapper) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    factories.make_person("known")
    known = Client().post("/account/signup/", SIGN_UP | {"email": "known@example.org"})
    new = Client().post("/account/signup/", SIGN_UP | {"username": "another"})
    assert known.status_code == new.status_code == 302
    assert known["Location"] == new["Location"]
    assert not Person.objects.filter(username="newcomer").exists()


@pytest.mark.attack("T11")
def test_a_link_for_a_reset_works_once_and_ends_other_sessions() -> None:
    person = factories.make_person("forgetful")
    elsewhere = _tried("forgetful", factories.PASSWORD)
    Client().post("/account/password/reset/", {"email": person.email})
    link = re.search(r"/account/password/reset/key/\S+", mail.outbox[0].body).group()  # type: ignore[union-attr]
    client = Client()
    form = client.get(link)["Location"]
    assert client.post(form, {"password1": NEW, "password2": NEW}).status_code == 302
    assert is_in(_tried("forgetful", NEW))
    assert not is_in(elsewhere)
    second = Client()
    assert "already been used" in second.get(link, follow=True).content.decode()
    second.post(form, {"password1": "stolen stolen", "password2": "stolen stolen"})
    assert is_in(_tried("forgetful", NEW)), "the second use changed nothing"
    person.refresh_from_db()
    assert person.changed_hands_at is not None
    assert Event.objects.filter(verb="secured", actor=person).count() == 1


@pytest.mark.attack("T11")
def test_the_old_address_is_told_of_the_new_one(django_capture_on_commit_callbacks: Any) -> None:
    person = factories.make_person("mover")
    EmailAddress.objects.create(user=person, email=person.email, primary=True, verified=True)
    client = signed_in(person)
    with django_capture_on_commit_callbacks(execute=True):
        client.post("/account/email/", {"email": "moved@example.org", "action_add": ""})
        link = re.search(r"/account/confirm-email/\S+", mail.outbox[-1].body).group()  # type: ignore[union-attr]
        client.post(link)
        client.post("/account/email/", {"email": "moved@example.org", "action_primary": ""})
    told = [letter for letter in mail.outbox if letter.to == ["mover@example.org"]]
    assert any("moved@example.org" in letter.body for letter in told)
    person.refresh_from_db()
    assert person.email == "moved@example.org"
    assert person.changed_hands_at is not None


@pytest.mark.parametrize("password", ["password1234", "qwertyuiop", "newcomer1", "short"])
def test_a_password_that_is_guessed_first_is_refused(password: str) -> None:
    answer = Client().post("/account/signup/", SIGN_UP | {"password1": password, "password2": password})
    assert errors(answer.content)
    assert not Person.objects.filter(username="newcomer").exists()


def test_a_password_change_is_told_by_mail_and_noted() -> None:
    person = factories.make_person("careful")
    client = signed_in(person)
    form = {"oldpassword": factories.PASSWORD, "password1": NEW, "password2": NEW}
    assert client.post("/account/password/change/", form).status_code == 302
    assert mail.outbox[-1].to == [person.email]
    assert "password" in mail.outbox[-1].subject.lower()
    assert "changed the password" in client.get("/account/security/").content.decode()
    assert not Event.objects.filter(verb="changed-hands").exists()


def test_a_new_token_is_told_by_mail(django_capture_on_commit_callbacks: Any) -> None:
    person = factories.make_person()
    with django_capture_on_commit_callbacks(execute=True):
        answer = signed_in(person).post("/account/tokens/", {"name": "nightly", "scopes": "read", "days": "30"})
    secret = re.search(r"pb_[\w-]{20,}", answer.content.decode()).group()  # type: ignore[union-attr]
    assert mail.outbox[0].to == [person.email]
    assert "nightly" in mail.outbox[0].body
    assert secret not in mail.outbox[0].body


@pytest.mark.attack("T04")
def test_the_password_alone_opens_nothing_that_has_a_second_factor() -> None:
    person = factories.make_person("guarded", is_staff=True, is_superuser=True)
    secret = add_totp(person)
    client = Client()
    assert enter(client, "guarded")["Location"].startswith("/account/2fa/authenticate/")
    assert not is_in(client)
    assert client.get("/admin/").status_code == 302
    assert Caller(client=client).get("me/").status_code == 401
    assert "Incorrect code" in client.post("/account/2fa/authenticate/", {"code": "000000"}).content.decode()
    client.post("/account/2fa/authenticate/", {"code": code(secret)})
    assert is_in(client)
    assert client.get("/admin/").status_code == 200


@pytest.mark.attack("T04")
def test_the_administration_has_no_door_of_its_own() -> None:
    person = factories.make_person("guarded", is_staff=True, is_superuser=True)
    add_totp(person)
    client = Client()
    form = {"username": "guarded", "password": factories.PASSWORD, "next": "/admin/"}
    answer = client.post("/admin/login/", form)
    assert answer["Location"].startswith("/account/login/")
    assert client.get("/admin/").status_code == 302
    assert not is_in(client)


def test_a_code_and_a_recovery_code_work_once() -> None:
    person = factories.make_person("guarded")
    secret = add_totp(person)
    shown = code(secret)

    def tries(word: str) -> bool:
        client = Client()
        enter(client, "guarded")
        client.post("/account/2fa/authenticate/", {"code": word})
        return is_in(client)

    assert tries(shown)
    assert not tries(shown)
    spare = Authenticator.objects.get(user=person, type="recovery_codes").wrap().get_unused_codes()[0]
    assert tries(spare)
    assert not tries(spare)


@pytest.mark.django_db(transaction=True)
def test_an_authenticator_app_is_added_shown_told_and_removed() -> None:
    person = factories.make_person("adder")
    client = signed_in(person)
    page = client.get("/account/2fa/totp/activate/").content.decode()
    assert "<svg" in page
    secret = re.search(r'class="digest">(\w+)<', page).group(1)  # type: ignore[union-attr]
    assert client.post("/account/2fa/totp/activate/", {"code": "000000"}).status_code == 200
    assert client.post("/account/2fa/totp/activate/", {"code": code(secret)}).status_code == 302
    assert client.get("/account/2fa/recovery-codes/").content.count(b"\n") > 10
    assert client.post("/account/2fa/totp/deactivate/").status_code == 302
    assert not Authenticator.objects.filter(user=person).exists()
    assert {tuple(letter.to) for letter in mail.outbox} == {("adder@example.org",)}
    texts = set(Event.objects.filter(actor=person, verb="secured").values_list("text", flat=True))
    assert {"added the authenticator app", "removed the authenticator app"} <= texts
    person.refresh_from_db()
    assert person.changed_hands_at is not None


def test_sessions_are_listed_and_ended_one_by_one_or_all_others() -> None:
    factories.make_person("traveller")
    here, there, elsewhere = (_tried("traveller", factories.PASSWORD) for _ in range(3))
    stranger = signed_in(factories.make_person())
    page = here.get("/account/security/").content.decode()
    assert page.count("/end/") == 2
    one = re.search(r"/account/sessions/\d+/end/", page).group()  # type: ignore[union-attr]
    assert stranger.post(one).status_code == 404
    assert here.post(one).status_code == 302
    assert sorted([is_in(there), is_in(elsewhere)]) == [False, True]
    assert here.post("/account/sessions/end-others/").status_code == 302
    assert [is_in(client) for client in (here, there, elsewhere)] == [True, False, False]
    assert UserSession.objects.count() == 1


@pytest.mark.attack("T13")
def test_a_name_that_was_given_up_is_given_to_nobody_again() -> None:
    Person.objects.create_user("Gone", email="gone@example.org").delete()
    renamed = factories.make_person("before")
    Person.objects.filter(pk=renamed.pk).update(username="after")
    for name in ("gone", "GONE", "before"):
        answer = Client().post("/account/signup/", SIGN_UP | {"username": name})
        assert "belonged to somebody else" in answer.content.decode(), name
    assert Client().post("/account/signup/", SIGN_UP).status_code == 302, "the control"
    assert set(FormerName.objects.values_list("kind", "name")) == {("person", "gone"), ("person", "before")}


@pytest.mark.attack("T13")
def test_the_name_of_an_organisation_or_component_that_is_gone_is_refused() -> None:
    factories.make_organisation("Northern Hosting").delete()
    founder = signed_in(factories.make_person())
    answer = founder.post("/organisations/new/", {"name": "Northern Hosting", "about": "", "website": ""})
    assert answer.status_code == 409
    assert "belonged to" in answer.content.decode()
    assert founder.post("/organisations/new/", {"name": "Southern", "about": "", "website": ""}).status_code == 302
    factories.make_component("swift").delete()
    staff = signed_in(factories.make_person(is_staff=True, is_superuser=True))
    form = {"slug": "swift", "name": "Swift", "upstream_url": "https://git.example.org/swift.git"}
    assert "belonged to" in staff.post("/admin/contributions/component/add/", form).content.decode()


def test_limits_are_forgotten_in_time_and_kept_by_the_database() -> None:
    cache.set("x", 1, timeout=timedelta(minutes=5).total_seconds())
    cache.set("y", 1, timeout=0)
    assert (cache.get("x"), cache.get("y")) == (1, None)
    assert not cache.add("x", 2)
