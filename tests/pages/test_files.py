from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from django.test import Client

from tests import factories
from tests.pages.conftest import body

if TYPE_CHECKING:
    from tests.pages.conftest import Platform

pytestmark = pytest.mark.django_db

CONTENT = bytes(range(256)) * 1000


@pytest.fixture
def address() -> str:
    return str(factories.make_artifact(name="dist/tool-1.0-py3-none-any.whl", content=CONTENT).get_absolute_url())


@pytest.mark.attack("D06")
def test_a_download_is_whole_and_named_by_its_digest(address: str) -> None:
    answer = Client().get(address)
    found = body(answer)
    digest = hashlib.sha256(found).hexdigest()
    assert found == CONTENT
    assert digest in address
    assert answer["ETag"] == f'"{digest}"'
    assert answer["Content-Length"] == str(len(CONTENT))
    assert "immutable" in answer["Cache-Control"]


@pytest.mark.attack("W03")
def test_a_download_never_becomes_a_page_of_this_site() -> None:
    page = factories.make_artifact(name="evil.html", content=b"<script>alert(1)</script>")
    answer = Client().get(page.get_absolute_url())
    body(answer)
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"] == 'attachment; filename="evil.html"'
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer["Content-Security-Policy"]
    assert "script-src" not in answer["Content-Security-Policy"]


@pytest.mark.attack("D06")
@pytest.mark.parametrize(
    ("asked", "status", "part", "span"),
    [
        ("bytes=0-0", 206, CONTENT[:1], "bytes 0-0/256000"),
        ("bytes=10-19", 206, CONTENT[10:20], "bytes 10-19/256000"),
        ("bytes=255990-", 206, CONTENT[255990:], "bytes 255990-255999/256000"),
        ("bytes=-7", 206, CONTENT[-7:], "bytes 255993-255999/256000"),
        ("bytes=0-999999999", 206, CONTENT, "bytes 0-255999/256000"),
        ("bytes=256000-", 416, b"", "bytes */256000"),
        ("bytes=20-10", 416, b"", "bytes */256000"),
        ("bytes=-0", 416, b"", "bytes */256000"),
        ("bytes=0-1,5-6", 200, CONTENT, None),
        ("lines=0-1", 200, CONTENT, None),
        ("bytes=x-y", 200, CONTENT, None),
    ],
)
def test_a_part_is_what_was_asked_for(address: str, asked: str, status: int, part: bytes, span: str | None) -> None:
    answer = Client().get(address, headers={"Range": asked})
    assert answer.status_code == status
    assert body(answer) == part
    assert answer.headers.get("Content-Range") == span


def test_a_part_of_what_has_changed_is_the_whole(address: str) -> None:
    answer = Client().get(address, headers={"Range": "bytes=0-9", "If-Range": '"another"'})
    assert (answer.status_code, body(answer)) == (200, CONTENT)


@pytest.mark.attack("D06")
def test_one_digest_stands_everywhere(platform: Platform) -> None:
    artifact, client = platform.artifact, platform.client("stranger")
    digest = hashlib.sha256(body(client.get(artifact.get_absolute_url()))).hexdigest()
    pages = (f"/publications/{platform.publication.pk}/", f"/builds/{platform.build.pk}/", f"/artifacts/{artifact.pk}/")
    for page in (*pages, f"/simple/{platform.release.slug}/swift-client/"):
        assert digest in client.get(page).content.decode(), page
    [entry] = client.get("/api/v1/feed/").json()["results"]
    assert [told["sha256"] for told in entry["artifacts"]] == [digest]
    assert client.get(f"/api/v1/artifacts/{artifact.pk}/").json()["sha256"] == digest


def test_what_is_known_already_is_not_sent_again(address: str) -> None:
    answer = Client().get(address)
    body(answer)
    etag = answer["ETag"]
    assert Client().get(address, headers={"If-None-Match": etag}).status_code == 304


def test_a_file_answers_only_to_names_it_has(address: str) -> None:
    elsewhere = address.replace("tool-1.0-py3-none-any.whl", "security-update.exe")
    assert Client().get(elsewhere).status_code == 404


def test_bytes_that_belong_to_nothing_are_not_served() -> None:
    assert Client().get(f"/files/{factories.make_blob(b'loose')}/loose.log").status_code == 404


ODD_NAMES = ['a"b.whl', "ä.whl", "a;b.whl", "a b.whl", "%0d%0aX-Evil: 1.whl", "a'b.whl", "..whl", "名.whl"]


@pytest.mark.attack("W19")
@pytest.mark.parametrize("name", ODD_NAMES)
def test_an_odd_name_makes_a_safe_header(name: str) -> None:
    artifact = factories.make_artifact(name=name)
    answer = Client().get(artifact.get_absolute_url())
    assert body(answer) == b"wheel"
    assert "\n" not in answer["Content-Disposition"]
    assert "X-Evil" not in answer.headers


def test_a_patch_is_the_same_bytes_shown_as_text(platform: Platform) -> None:
    answer = platform.client("stranger").get(f"/contributions/{platform.contribution.pk}/v1.patch")
    assert body(answer) == factories.DIFF
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert platform.status("stranger", f"/contributions/{platform.contribution.pk}/v2.patch") == 404
