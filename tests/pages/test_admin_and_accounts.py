from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from django.contrib import admin
from django.core import mail
from django.test import Client

from contributions.models import Component, Event, Fit, Person, UpstreamFetch
from tests import factories

if TYPE_CHECKING:
    from tests.pages.conftest import Platform


def test_every_page_of_the_administration_opens_for_staff(platform: Platform) -> None:
    client = platform.client("staff")
    for model, keeper in admin.site._registry.items():  # noqa: SLF001 - the one list of what is registered
        name = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        assert client.get(name).status_code == 200, name
        assert client.get(name, {"q": "x"} if keeper.search_fields else {}).status_code in {200, 302}, name
        row = model.objects.first()
        if row is not None:
            assert client.get(f"{name}{row.pk}/change/").status_code == 200, name


def test_a_component_saved_by_staff_is_pulled_from_upstream(platform: Platform) -> None:
    form = {
        "slug": "nova",
        "name": "Nova",
        "upstream_url": "https://git.example.org/nova.git",
        "release_pattern": r"\d+",
        "approvals_needed": "1",
        "executable_approvals_needed": "2",
        "cool_down_days": "3",
        "watch_minutes": "60",
        "accepted_licences": "[]",
        "recipe-TOTAL_FORMS": "0",
        "recipe-INITIAL_FORMS": "0",
    }
    answer = platform.client("staff").post("/admin/contributions/component/add/", form)
    assert answer.status_code == 302
    fetch = UpstreamFetch.objects.get(component=Component.objects.get(slug="nova"))
    assert fetch.state == "queued"


def test_the_history_can_be_read_and_not_changed(platform: Platform) -> None:
    event = Event.objects.latest("pk")
    client = platform.client("staff")
    page = client.get(f"/admin/contributions/event/{event.pk}/change/").content.decode()
    assert 'name="_save"' not in page
    assert client.post(f"/admin/contributions/event/{event.pk}/change/", {"text": "x"}).status_code == 403
    assert client.post(f"/admin/contributions/event/{event.pk}/delete/", {"post": "yes"}).status_code == 403


@pytest.mark.django_db
def test_a_newcomer_signs_up_confirms_and_signs_in_again() -> None:
    client = Client()
    form = {"username": "newcomer", "email": "new@example.org", "password1": factories.PASSWORD}
    answer = client.post("/account/signup/", form | {"password2": factories.PASSWORD})
    assert answer["Location"] == "/"
    assert Person.objects.get(username="newcomer").email == "new@example.org"
    link = re.search(r"/account/confirm-email/\S+", mail.outbox[0].body).group()  # type: ignore[union-attr]
    assert client.get(link).status_code == 200
    assert client.post(link).status_code == 302
    client.post("/account/logout/")
    answer = client.post("/account/login/", {"login": "new@example.org", "password": factories.PASSWORD})
    assert answer.status_code == 302
    assert "newcomer" in client.get("/").content.decode()


@pytest.mark.django_db
def test_a_wrong_password_is_told_without_telling_who_has_an_account() -> None:
    factories.make_person("known")
    answers = [
        Client().post("/account/login/", {"login": login, "password": "wrong wrong"}).content.decode()
        for login in ("known", "unknown")
    ]
    sentences = [re.findall(r'class="errorlist nonfield"[^>]*><li>(.*?)</li>', answer) for answer in answers]
    assert sentences[0] == sentences[1] != []


ACCOUNT_PAGES = ["login", "signup", "password/reset", "logout", "email", "password/change", "confirm-email"]


@pytest.mark.parametrize("page", ACCOUNT_PAGES)
def test_account_pages_wear_the_sites_dress(platform: Platform, page: str) -> None:
    role = "stranger" if page in {"login", "signup", "password/reset"} else "member"
    text = platform.client(role).get(f"/account/{page}/").content.decode()
    assert '<header class="masthead">' in text
    assert "<h1>" in text
    assert not re.search(r"<script(?![^>]*(?:\bsrc=|json))|<style|\sstyle=", text)


def test_every_answer_carries_the_guarding_headers(platform: Platform) -> None:
    for path in ("/", "/nothing", "/contributions/", f"/contributions/{platform.contribution.pk}/", "/feed.atom"):
        answer = platform.client("stranger").get(path)
        assert answer["Content-Security-Policy"].startswith("default-src 'none'")
        assert "unsafe" not in answer["Content-Security-Policy"]
        assert answer["X-Content-Type-Options"] == "nosniff"


@pytest.mark.django_db
def test_the_ranking_page_shows_the_published_examples() -> None:
    page = Client().get("/how-ranking-works/").content.decode()
    for score in ("0.916", "0.671", "0.405", "0.477"):
        assert f"<b>{score}</b>" in page


def test_staff_support_a_release_by_the_verb_that_queues_its_fits(platform: Platform) -> None:
    staff = platform.client("staff")
    contribution = factories.make_contribution()
    release = factories.make_release(contribution.component)

    def act(verb: str) -> str:
        staff.post("/admin/contributions/release/", {"action": verb, "_selected_action": [release.pk]})
        release.refresh_from_db()
        return release.state

    assert act("retire") == "retired"
    assert not Fit.objects.filter(release=release).exists()
    assert act("support") == "supported"
    assert Fit.objects.get(release=release).revision == contribution.current
    form = staff.get(f"/admin/contributions/release/{release.pk}/change/").content.decode()
    assert 'name="state"' not in form, "only the verbs move it"
