"""What nobody may know of yet must not be told by any page, list, count, feed, download or header."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from django.urls import reverse

from contributions.models import Event, Person
from tests import factories
from tests.api.conftest import make_token
from tests.hostile.conftest import addresses_on
from tests.pages.conftest import body, signed_in

if TYPE_CHECKING:
    from tests.pages.conftest import Platform

CHANGING = re.compile(rb'(csrfmiddlewaretoken|once)" value="[^"]*|<updated>[^<]*|<time[^<]*')  # of this moment
ALWAYS_OTHER = "/account/2fa/"  # secrets and challenges, made for each look
LISTS = (
    "/search/?q=zebra", "/contributions/?author=author", "/contributions/?state=open", "/contributions/?order=newest",
    "/components/", "/organisations/", "/builds/?state=passed", "/api/v1/contributions/?q=zebra",
    "/api/v1/builds/?page_size=100", "/api/v1/publications/", "/api/v1/feed/", "/people/author/",
)  # fmt: skip


def all_that_a_stranger_sees(platform: Platform, client: Client) -> dict[str, tuple[bytes, str]]:
    seen = {}
    for address in (*addresses_on(platform), *LISTS):
        if address.startswith(ALWAYS_OTHER):
            continue
        answer = client.get(address)
        # Of pages it is a digest of all, ages too.
        mark = "" if "html" in answer.headers["Content-Type"] else answer.headers.get("ETag", "")
        seen[address] = CHANGING.sub(b"", body(answer)), mark
    return seen


@pytest.mark.attack("W16")
@pytest.mark.parametrize("role", ["stranger", "member"])
def test_what_was_not_received_leaves_no_trace(platform: Platform, role: str) -> None:
    """A whole hidden contribution comes, with everything that can hang on one; what others see stays the same."""
    client = platform.client(role)
    before = all_that_a_stranger_sees(platform, client)
    hidden = factories.make_contribution(
        received=False, component=platform.component, author=platform.people["author"], release=platform.release,
        organisation=platform.organisation, title="A zebra crossing", description="zebra",
    )  # fmt: skip
    revision = factories.make_revision(hidden, state="refused", sentence="A zebra is no patch.", filename="zebra.patch")
    build = factories.make_build(revision, platform.release, log=b"zebra crossing\n")
    artifact = factories.make_artifact(build, "zebra-1.0-py3-none-any.whl", b"stripes")
    factories.make_comment(hidden, "zebra", author=platform.people["author"])
    factories.make_vote(hidden)
    Event.objects.write("refused", contribution=hidden, revision=revision, text="zebra")
    factories.recompute(hidden)
    after = all_that_a_stranger_sees(platform, client)
    assert {address for address in before if before[address] != after[address]} == set()
    for address in (
        hidden.get_absolute_url(), build.get_absolute_url(), f"/builds/{build.pk}/log/", artifact.get_absolute_url(),
        f"/files/{revision.raw.sha256}/zebra.patch.bundle", f"/files/{build.log.sha256}/build.log",
        f"/contributions/{hidden.pk}/v1.patch", f"/api/v1/contributions/{hidden.pk}/revisions/1/patch",
        f"/api/v1/contributions/{hidden.pk}/revisions/1/diff", f"/api/v1/builds/{build.pk}/log",
    ):  # fmt: skip
        own = address.startswith("/files/") and revision.raw.sha256 in address
        if not own:  # those very bytes are public as the other contribution's patch
            assert client.get(address).status_code == 404, address
    assert platform.client("author").get(hidden.get_absolute_url()).status_code == 200


def test_a_digest_alone_opens_nothing(platform: Platform) -> None:
    raw = factories.make_blob(b"half received")
    factories.make_revision(platform.unreceived, state="queued", raw=raw, filename="x.patch", diff=None)
    for name in ("x.patch", "any.patch", "any.bundle", "x.log", "x"):
        assert Client().get(f"/files/{raw.sha256}/{name}").status_code == 404


def test_nobody_reads_the_mail_address_of_another(platform: Platform) -> None:
    for person in Person.objects.all():
        Person.objects.filter(pk=person.pk).update(email=f"{person.username}@private.example")
    client = platform.client("member")
    for address in (*addresses_on(platform), *LISTS):
        told = set(re.findall(rb"(\w+)@private\.example", body(client.get(address))))
        assert told <= {b"member"}, address


def test_a_closed_account_can_do_nothing_any_more(platform: Platform) -> None:
    member = platform.people["member"]
    client, token = signed_in(member), make_token(member, "read", "write", "review")
    Person.objects.filter(pk=member.pk).update(is_active=False)
    vote = f"/contributions/{platform.contribution.pk}/vote/"
    assert client.post(vote, {"value": "1"})["Location"].startswith("/account/login/")
    assert client.get("/account/tokens/").status_code == 302
    headers = {"Authorization": f"Token {token}"}
    assert Client().put(f"/api/v1{vote}", '{"value": 1}', "application/json", headers=headers).status_code == 401
    assert platform.contribution.votes.count() == 0


def test_a_sign_in_to_the_administration_is_as_guarded_as_any_other(platform: Platform) -> None:
    answer = platform.client("stranger").get(reverse("admin:login"))
    assert answer.status_code == 302
    assert answer["Location"].startswith("/account/login/")
    assert platform.client("member").get("/admin/").status_code in {302, 403}
    for address in (
        "/admin/contributions/person/",
        "/admin/contributions/event/",
        "/admin/contributions/component/add/",
    ):
        for role in ("stranger", "member", "author", "maintainer"):
            assert platform.client(role).get(address).status_code in {302, 403}


@pytest.mark.parametrize("name", [".", "..", "-", "+", "@", "аdmin", "ａｄｍｉｎ", "a" * 151])  # noqa: RUF001
def test_nobody_takes_a_name_that_reads_as_another_or_as_a_path(db: None, name: str) -> None:
    del db
    form = {
        "username": name,
        "email": "x@example.org",
        "password1": "gr8 pass phrase!",
        "password2": "gr8 pass phrase!",
    }
    Client().post("/account/signup/", form)
    assert not Person.objects.filter(email="x@example.org").exists()
