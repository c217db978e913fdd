"""Sensitive verbs want a log-in that is fresh, and go on with what was typed once it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.urls import get_resolver

from contributions.models import Component, Contribution, Person, Review
from tests import factories
from tests.accounts.doors import add_totp, code, enter, grow_stale, signed_in
from tests.api.conftest import Caller, make_token

if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper

pytestmark = pytest.mark.django_db

ASKED = "/account/reauthenticate/"
SENSITIVE: dict[str, dict[str, Any]] = {
    "/contributions/{c}/review/": {"verdict": "approve", "revision": "1", "message": "Ran it for a week."},
    "/account/tokens/": {"name": "nightly", "scopes": "read", "days": "30"},
    "/moderation/{flag}/": {"act": "dismiss", "reason": "It is fine."},
    "/people/rude/suspend/": {"reason": "Threats."},
    "/contributions/{c}/quarantine/": {"reason": "Malware."},
    "/components/swift/settings/": {"cool_down_days": "0"},
    "/components/swift/watching/": {"watch_minutes": "0"},
    "/people/sorry/reinstate/": {"reason": "Apologies."},
    "/admin/contributions/component/add/": {"slug": "x"},
}
SENSITIVE_BY_REST: dict[str, dict[str, Any]] = {
    "contributions/{c}/reviews/": {"verdict": "approve", "revision": 1},
    "flags/{flag}/decide/": {"act": "dismiss", "reason": "It is fine."},
    "people/rude/suspend/": {"reason": "Threats."},
    "contributions/{c}/quarantine/": {"reason": "Malware."},
    "people/sorry/reinstate/": {"reason": "Apologies."},
}
WORDS = ("quarantine", "restore", "rules", "settings", "webhook", "suspend", "reinstate", "tokens", "review")
NOT_SENSITIVE = {"review-queue", "component-rules", "webhook"}  # they only show
NOT_SENSITIVE |= {
    f"webhook-{act}" for act in ("enable", "disable", "trial", "remove")
}  # nothing new is told to anybody


@pytest.fixture
def chief() -> Person:
    """Somebody with every right that the verbs ask for."""
    person = factories.make_person("chief", is_staff=True, is_superuser=True)
    component = factories.make_component("swift", maintainers=(person,))
    contribution = factories.make_contribution(component=component)
    factories.make_flag(contribution)
    factories.make_person("rude")
    factories.make_person("sorry", is_active=False)
    return person


def filled(path: str) -> str:
    contribution = Contribution.objects.get()
    return path.format(c=contribution.pk, flag=contribution.flags.get().pk)


@pytest.mark.attack("T04")
@pytest.mark.parametrize("address", SENSITIVE)
def test_whoever_signed_in_long_ago_is_asked_before_a_sensitive_verb(chief: Person, address: str) -> None:
    client = signed_in(chief)
    answer = grow_stale(client).post(filled(address), SENSITIVE[address])
    assert answer.status_code == 302
    assert answer["Location"].startswith(f"{ASKED}?next=")
    assert not Review.objects.exists()
    assert not chief.tokens.exists()
    fresh = signed_in(chief).post(filled(address), SENSITIVE[address])
    assert not fresh.get("Location", "").startswith(ASKED), "the control: somebody fresh is not asked"


@pytest.mark.attack("T04")
@pytest.mark.parametrize("address", SENSITIVE_BY_REST)
def test_by_rest_an_old_session_gets_a_problem_of_its_own_kind(chief: Person, address: str) -> None:
    caller = Caller(chief)
    grow_stale(caller.client)
    answer = caller.post(filled(address), SENSITIVE_BY_REST[address])
    assert answer.status_code == 403
    assert answer.json()["type"] == "reauthentication-needed"
    assert Caller(chief).post(filled(address), SENSITIVE_BY_REST[address]).status_code < 300, "the control"


def test_a_token_is_not_asked_for_a_password(chief: Person) -> None:
    caller = Caller(chief, make_token(chief, "review"))
    address = filled("contributions/{c}/reviews/")
    assert caller.post(address, {"verdict": "approve"}).status_code == 201


def test_after_the_password_the_verdict_is_recorded_as_it_was_typed(chief: Person) -> None:
    client = grow_stale(signed_in(chief))
    address = filled("/contributions/{c}/review/")
    asked = client.post(address, SENSITIVE["/contributions/{c}/review/"])["Location"]
    page = client.get(asked)
    assert page.status_code == 200
    wrong = client.post(asked, {"password": "wrong wrong wrong"})
    assert wrong.status_code == 200
    assert not Review.objects.exists()
    done = client.post(asked, {"password": factories.PASSWORD, "next": address})
    assert done.status_code == 302
    review = Review.objects.get()
    assert (review.verdict, review.message) == ("approve", "Ran it for a week.")
    again = client.post(asked, {"password": factories.PASSWORD, "next": address})
    assert again.status_code in {302, 405}
    assert Review.objects.count() == 1


def test_what_is_not_sensitive_is_not_asked_about(chief: Person) -> None:
    client = grow_stale(signed_in(chief))
    address = filled("/contributions/{c}/review/")
    answer = client.post(address, {"verdict": "request-changes", "revision": "1", "message": "Why?"})
    assert answer["Location"] == filled("/contributions/{c}/")
    assert client.get("/account/tokens/").status_code == 200
    assert client.get("/admin/").status_code == 200
    assert client.post("/admin/logout/").status_code in {200, 302}


def test_a_log_in_is_fresh_for_as_long_as_the_setting_says(chief: Person, settings: SettingsWrapper) -> None:
    settings.REAUTHENTICATE_SECONDS = 60
    form = SENSITIVE["/account/tokens/"]
    assert grow_stale(signed_in(chief), 50).post("/account/tokens/", form).status_code == 200
    assert grow_stale(signed_in(chief), 70).post("/account/tokens/", form).status_code == 302


def test_a_real_sign_in_is_fresh(chief: Person) -> None:
    client = signed_in(chief)
    client.logout()
    assert enter(client, "chief").status_code == 302
    assert client.post("/account/tokens/", SENSITIVE["/account/tokens/"]).status_code == 200


def test_a_second_factor_proves_as_well_as_the_password(chief: Person) -> None:
    secret = add_totp(chief)
    client = grow_stale(signed_in(chief))
    client.post("/account/tokens/", SENSITIVE["/account/tokens/"])
    answer = client.post("/account/2fa/reauthenticate/", {"code": code(secret), "next": "/account/tokens/"})
    assert b"nightly" in answer.content
    assert chief.tokens.count() == 1


@pytest.mark.attack("T04")
def test_where_it_is_asked_for_maintainers_and_staff_need_a_second_factor(
    chief: Person, settings: SettingsWrapper
) -> None:
    settings.SECOND_FACTOR = "maintainers"
    page, rest = filled("/contributions/{c}/review/"), filled("contributions/{c}/reviews/")
    form = SENSITIVE["/contributions/{c}/review/"]
    refused = signed_in(chief).post(page, form)
    assert refused.status_code == 403
    assert "second factor" in refused.content.decode()
    assert Caller(chief).post(rest, {"verdict": "approve"}).status_code == 403
    assert Caller(chief, make_token(chief, "review")).post(rest, {"verdict": "approve"}).status_code == 403
    assert not Review.objects.exists()
    assert "/account/2fa/" in signed_in(chief).get("/account/security/").content.decode()
    plain = factories.make_person()
    assert signed_in(plain).post("/account/tokens/", SENSITIVE["/account/tokens/"]).status_code == 200
    add_totp(chief)
    assert signed_in(chief).post(page, form).status_code == 302
    assert Review.objects.count() == 1


def test_every_page_whose_verb_is_sensitive_asks() -> None:
    found = {}
    for pattern in get_resolver("contributions.urls").url_patterns:
        name = pattern.name or ""
        if any(word in name for word in WORDS) and name not in NOT_SENSITIVE:
            found[name] = getattr(pattern.callback, "is_sensitive", False)
    assert {name for name, asks in found.items() if not asks} == set()
    assert {"contribution-review", "tokens", "person-suspend"} <= set(found)
    assert Component.objects.count() == 0
