"""Who has which bytes: noted for whoever says who they are, at most once an hour, and shown to their own alone."""

from __future__ import annotations

import base64
import subprocess
import sys
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext

from contributions.models import ApiToken, Download
from contributions.models.person import secret_in
from tests import factories
from tests.api.conftest import make_token
from tests.pages.conftest import body, signed_in

if TYPE_CHECKING:
    from pathlib import Path

    from contributions.models import Person
    from tests.pages.conftest import Platform

pytestmark = pytest.mark.django_db


def file_of(platform: Platform) -> str:
    return f"/files/{platform.artifact.sha256}/{platform.artifact.name}"


def author_of(platform: Platform) -> Person:
    return platform.contribution.author


def basic(secret: str, user: str = "__token__") -> str:
    return "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()


@pytest.mark.parametrize("form", ["Token {}", "Bearer {}", "basic"])
def test_a_token_says_whose_download_it_is(platform: Platform, form: str) -> None:
    secret = make_token(author_of(platform), "read")
    header = basic(secret) if form == "basic" else form.format(secret)
    answer = Client().get(file_of(platform), headers={"Authorization": header})
    assert body(answer)
    [noted] = Download.objects.all()
    assert (noted.organisation, noted.person, noted.blob_id) == (
        platform.organisation,
        author_of(platform),
        platform.artifact.sha256,
    )


def test_a_session_says_it_too_and_a_stranger_is_not_noted(platform: Platform) -> None:
    body(Client().get(file_of(platform)))
    body(signed_in(platform.people["staff"]).get(file_of(platform)))
    assert not Download.objects.exists(), "staff belong to no organisation"
    body(signed_in(author_of(platform)).get(file_of(platform)))
    assert Download.objects.count() == 1


@pytest.mark.parametrize("address", ["v1.patch", "api"])
def test_a_patch_that_is_fetched_is_noted_as_well(platform: Platform, address: str) -> None:
    number = platform.contribution.pk
    path = (
        f"/contributions/{number}/v1.patch"
        if address == "v1.patch"
        else f"/api/v1/contributions/{number}/revisions/1/patch"
    )
    body(Client().get(path, headers={"Authorization": f"Token {make_token(author_of(platform), 'read')}"}))
    assert Download.objects.get().blob_id == platform.contribution.current.mbox_id


def test_looking_at_the_head_or_the_log_is_no_download(platform: Platform) -> None:
    browser = signed_in(author_of(platform))
    body(browser.head(file_of(platform)))
    body(browser.get(f"/files/{platform.build.log_id}/build.log"))
    assert not Download.objects.exists()


@pytest.mark.parametrize("scheme", ["Token", "Bearer", "Basic"])
@pytest.mark.parametrize("address", ["file", "index", "project"])
@pytest.mark.attack("T10")
def test_a_token_that_is_wrong_is_refused(
    platform: Platform, scheme: str, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    at = {"file": file_of(platform), "index": f"/simple/{platform.release.slug}/"}
    path = at.get(address, f"/simple/{platform.release.slug}/swift-client/")
    header = basic("pb_wrong") if scheme == "Basic" else f"{scheme} pb_wrong"
    answer = Client().get(path, headers={"Authorization": header})
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, 'Basic realm="Patchbay"')
    right = make_token(author_of(platform), "read")
    header = basic(right) if scheme == "Basic" else f"{scheme} {right}"
    assert body(Client().get(path, headers={"Authorization": header}))
    assert right not in caplog.text
    ApiToken.objects.update(revoked_at=Now())
    assert Client().get(path, headers={"Authorization": header}).status_code == 401


def test_a_token_opens_files_alone_and_no_page(platform: Platform) -> None:
    header = {"Authorization": f"Token {make_token(author_of(platform), 'read')}"}
    assert Client().get("/account/tokens/", headers=header).status_code == 302
    assert Client().get(f"/contributions/{platform.unreceived.pk}/", headers=header).status_code == 404


def test_a_token_without_the_scope_read_is_a_stranger(platform: Platform) -> None:
    body(
        Client().get(file_of(platform), headers={"Authorization": f"Token {make_token(author_of(platform), 'write')}"})
    )
    assert not Download.objects.exists()


@pytest.mark.parametrize(
    "header", ["", "Basic", "Basic !!!", "Basic " + base64.b64encode(b"\xff\xfe").decode(), "Digest x"]
)
def test_an_odd_header_says_nothing(header: str) -> None:
    assert secret_in(header) is None


def test_a_passwords_owner_is_not_asked_for_a_token() -> None:
    assert secret_in(basic("a pass phrase", user="author")) is None
    assert secret_in(basic("pb_x")) == "pb_x"


def test_it_is_written_once_an_hour_and_not_each_time(platform: Platform) -> None:
    browser = signed_in(author_of(platform))
    body(browser.get(file_of(platform)))
    with CaptureQueriesContext(connection) as captured:
        body(browser.get(file_of(platform)))
    assert not [query for query in captured if "contributions_download" in query["sql"] and "INSERT" in query["sql"]]
    first = Download.objects.get()
    Download.objects.update(last_at=Now() - timedelta(hours=2))
    body(browser.get(file_of(platform)))
    again = Download.objects.get()
    assert (again.first_at, again.last_at > first.last_at - timedelta(minutes=1)) == (first.first_at, True)


@pytest.mark.django_db(transaction=True)
def test_many_downloads_at_once_are_one_row(platform: Platform) -> None:
    def fetch() -> None:
        try:
            Download.objects.note(author_of(platform), platform.artifact.blob)
        finally:
            connection.close()

    threads = [threading.Thread(target=fetch) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Download.objects.count() == 1


def test_members_see_what_their_organisation_fetched_and_nobody_else(platform: Platform) -> None:
    factories.make_download(platform.organisation, platform.artifact.blob, person=author_of(platform))
    factories.make_download(platform.organisation, platform.contribution.current.mbox)
    address = f"{platform.organisation.get_absolute_url()}downloads/"
    page = body(signed_in(author_of(platform)).get(address)).decode()
    assert platform.artifact.name in page
    assert f"#{platform.contribution.pk} v1.patch" in page
    for role in ("member", "maintainer", "staff"):
        assert platform.client(role).get(address).status_code == 403


def test_the_list_costs_the_same_for_one_and_for_thirty(platform: Platform) -> None:
    browser = signed_in(author_of(platform))

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert browser.get(f"{platform.organisation.get_absolute_url()}downloads/").status_code == 200
        return len(captured)

    factories.make_download(platform.organisation, platform.artifact.blob)
    queries()
    few = queries()
    for number in range(29):
        blob = factories.make_blob(b"file %d" % number)
        factories.make_download(platform.organisation, blob)
    assert queries() == few


@pytest.mark.django_db(transaction=True)
def test_pip_itself_says_who_it_is(platform: Platform, live_server: Any, tmp_path: Path) -> None:
    """The real pip, with a token in its index address, as the documents tell."""
    secret = make_token(author_of(platform), "read")
    host = live_server.url.removeprefix("http://")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-cache-dir", "--isolated", "--quiet"]
    index = f"http://__token__:{{}}@{host}/simple/{platform.release.slug}/"
    wrong = [*command, "--dest", str(tmp_path), "--no-input", "--index-url", index.format("pb_wrong"), "swift-client"]
    assert subprocess.run(wrong, capture_output=True, check=False).returncode != 0
    assert not Download.objects.exists()
    right = [*command, "--dest", str(tmp_path), "--no-input", "--index-url", index.format(secret), "swift-client"]
    subprocess.run(right, capture_output=True, check=False)
    assert [row.organisation for row in Download.objects.all()] == [platform.organisation]
