"""Forms and bodies filled in by somebody who means harm: nothing breaks, nothing is set that was not offered."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from contributions.models import ApiToken, Contribution, Membership, Organisation, Person
from tests import factories
from tests.pages.conftest import signed_in
from tests.pages.test_access import VERBS, filled

if TYPE_CHECKING:
    from tests.pages.conftest import Platform

ODD = (
    "\0", "a\0b", "\x01\x7f\x85", "\u202e\u2066evil", "\u200b\u200d\ufeff", "a\u0301" * 300, "\U0010ffff\ufffe",
    "9" * 40, "-1", "0", "x" * 70_000, "\n\r\n", "%00", "' or 1=1 --", "<svg onload=alert(1)>", "\u0661", "²", "1e3",
)  # fmt: skip
FORMS = {
    **{address: form for address, (form, _) in VERBS.items()},
    "/contributions/{c}/revise/": {"release": "", "note": "", "git_url": "", "git_ref": "", "kept_patch": ""},
    "/contributions/{c}/ports/new/": {"release": "", "note": "", "git_url": "", "git_ref": "", "kept_patch": ""},
    "/contributions/{c}/ports/settle/": {
        "release": "{slug}",
        "seen": "",
        f"choice-{'0' * 20}": "",
        f"text-{'0' * 20}": "",
    },
    "/comments/{comment}/edit/": {"text": ""},
    "/submit/": dict.fromkeys(
        ("component", "kind", "title", "description", "release", "git_url", "git_ref", "sha256", "kept_patch"), ""
    ),
    "/organisations/new/": {"name": "", "about": "", "website": ""},
    "/account/tokens/": {"name": "", "scopes": "", "days": ""},
    "/account/login/": {"login": "", "password": ""},
    "/account/signup/": {"username": "", "email": "", "password1": "", "password2": ""},
    "/account/password/reset/": {"email": ""},
    "/account/email/": {"email": "", "action_add": ""},
    "/contributions/{c}/comment/": {"text": "", "parent": "", "next": ""},
    "/contributions/{c}/vote/": {"value": "", "next": ""},
    "/contributions/{c}/report/": dict.fromkeys(("release", "outcome", "stage", "environment", "since", "text"), ""),
}
FOR_STRANGERS = {"/account/login/", "/account/signup/", "/account/password/reset/"}
FINE = {200, 302, 400, 403, 404, 405, 409, 413, 429}


@pytest.fixture
def platform(kept_platform: Platform) -> Platform:
    return kept_platform


@pytest.mark.parametrize("address", FORMS)
def test_no_odd_text_in_a_form_breaks_a_page(platform: Platform, address: str) -> None:
    url = filled(address, platform)
    form = {key: filled(str(value), platform) for key, value in FORMS[address].items()}
    client = platform.client("stranger" if address in FOR_STRANGERS else "author")
    if "organisations/northern" in address:
        client = signed_in(Person.objects.get(username="owner"))
    for name in form:
        for odd in ODD:
            assert client.post(url, {**form, name: odd}).status_code in FINE, (name, odd[:20])


@pytest.mark.attack("W06")
def test_nobody_gives_themselves_more_than_a_form_offers(platform: Platform) -> None:
    more = {
        "state": "approved", "author": "1", "is_staff": "on", "score": "1", "organisation": "1", "role": "owner",
        "person": str(platform.people["staff"].pk), "kind_": "vendor", "up": "50", "created_at": "2001-01-01",
    }  # fmt: skip
    client = platform.client("member")
    experience = {"component": "swiftclient", "kind": "experience", "title": "Mine", "description": "It holds."}
    assert client.post("/submit/", experience | more).status_code == 302
    made = Contribution.objects.latest("pk")
    assert (made.state, made.author.username, made.up) == ("open", "member", 0)
    assert client.post("/organisations/new/", {"name": "Ours", "kind": "vendor", **more}).status_code == 302
    founded = Organisation.objects.get(name="Ours")
    assert (founded.kind, founded.memberships.get().person.username) == ("customer", "member")
    client.post("/account/tokens/", {"name": "t", "scopes": "read", "days": "30", "digest": "0" * 64, **more})
    assert ApiToken.objects.latest("pk").person.username == "member"
    signup = {"username": "fresh", "email": "fresh@example.org", "password1": "gr8 pass phrase!"}
    signup["password2"] = signup["password1"]
    assert Client().post("/account/signup/", signup | more | {"is_superuser": "on"}).status_code == 302
    fresh = Person.objects.get(username="fresh")
    assert not fresh.is_staff
    assert not fresh.is_superuser


def test_an_owner_of_one_organisation_has_no_say_in_another(platform: Platform) -> None:
    client = platform.client("member")
    client.post("/organisations/new/", {"name": "Mine"})
    for verb, username in (("invite", "staff"), ("remove-member", "owner"), ("role", "owner"), ("speak-for", "")):
        answer = client.post(f"/organisations/northern-hosting/{verb}/", {"username": username, "role": "member"})
        assert answer.status_code == 403
    assert Membership.objects.filter(organisation=platform.organisation).count() == 2


def test_what_a_person_may_not_know_of_cannot_be_acted_on(platform: Platform) -> None:
    hidden = platform.unreceived.pk
    comment = factories.make_comment(platform.unreceived, author=platform.people["member"])
    build = factories.make_build(factories.make_revision(platform.unreceived, state="queued"), platform.release)
    client = platform.client("member")
    for verb in ("vote", "comment", "report", "review", "withdraw", "build-again", "revise"):
        assert client.post(f"/contributions/{hidden}/{verb}/", {"value": "1", "text": "x"}).status_code == 404
    for address in (f"/comments/{comment.pk}/edit/", f"/comments/{comment.pk}/remove/"):
        assert client.post(address, {"text": "x"}).status_code == 404
    for address in (f"/builds/{build.pk}/", f"/builds/{build.pk}/log/", f"/api/v1/builds/{build.pk}/again/"):
        assert client.post(address).status_code in {404, 405}
        assert client.get(address).status_code in {404, 405}
    answering = {"text": "Yes.", "parent": comment.pk}
    assert client.post(f"/contributions/{platform.contribution.pk}/comment/", answering).status_code == 400


CURSORS = [["-pk", False, [10**310]], ["-pk", True, [-(10**310)]], ["-pk", False, [1e308]], ["-pk", 1, {}]]


@pytest.mark.parametrize("cursor", CURSORS, ids=lambda cursor: str(cursor)[:30])
def test_a_cursor_that_was_tampered_with_is_told_so(platform: Platform, cursor: list[object]) -> None:
    text = base64.urlsafe_b64encode(json.dumps(cursor, separators=(",", ":")).encode()).decode().rstrip("=")
    for room in ("contributions/", "builds/", "feed/", "publications/", "components/", "organisations/"):
        assert platform.client("member").get(f"/api/v1/{room}?cursor={text}").status_code in {200, 400}
    page = base64.urlsafe_b64encode(json.dumps([0, 10**290]).encode()).decode().rstrip("=")
    for room in ("contributions/?order=newest&", "builds/?", "published/?", "organisations/?", "components/?"):
        assert platform.client("member").get(f"/{room}page={page}").status_code in {200, 400}


def test_a_body_of_a_million_strange_fields_is_not_sent_back(platform: Platform) -> None:
    body = json.dumps({f"stranger{number:06}": 1 for number in range(200_000)})
    client = platform.client("member")
    answer = client.put(f"/api/v1/contributions/{platform.contribution.pk}/vote/", body, "application/json")
    assert answer.status_code == 400
    assert len(answer.content) < 10_000


def test_an_uploads_name_leads_nowhere(platform: Platform) -> None:
    client = platform.client("member")
    names = ("../../../etc/passwd", "..", ".", "a/b\\c.whl", "\u202egnp.exe", "x" * 400, "\n.whl", "con", "-rf", "a\0b")
    for name in names:
        file = SimpleUploadedFile("x", b"bytes of " + name.encode())
        file._name = name  # noqa: SLF001 - what no browser would send
        form = {"component": "swiftclient", "kind": "executable", "title": "T", "release": platform.release.slug}
        assert client.post("/submit/", {**form, "artifact": file}).status_code in {302, 400}
    for made in Contribution.objects.filter(author=platform.people["member"], kind="executable"):
        stored = made.revisions.get().filename
        assert "/" not in stored
        assert "\n" not in stored
        assert stored not in {"", ".", ".."}
        assert client.get(made.get_absolute_url()).status_code == 200
