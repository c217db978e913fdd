"""How the index is served: by rows alone, with the right word to caches; and the page that tells people of it."""

from __future__ import annotations

import hashlib
import html
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from contributions.actions.quarantining import quarantine
from contributions.models import ApiToken, Download, IndexFile
from tests import factories
from tests.pages.conftest import body

from .conftest import WHEEL, path_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_django.live_server_helper import LiveServer

    from .conftest import Feed


def test_a_version_is_kept_for_ever_and_the_timestamp_asked_for_anew(feed: Feed, client: Client) -> None:
    feed.sign()
    for name, word in (("1.root.json", "immutable"), ("root.json", "no-cache"), ("timestamp.json", "no-cache")):
        answer = client.get(f"/tuf/metadata/{name}")
        assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
        assert word in answer["Cache-Control"]
        again = client.get(f"/tuf/metadata/{name}", headers={"If-None-Match": answer["ETag"]})
        assert again.status_code == 304
        assert "Set-Cookie" not in answer.headers
        assert "Vary" not in answer.headers


def test_a_file_of_the_index_costs_one_query(feed: Feed, client: Client) -> None:
    feed.sign()
    with CaptureQueriesContext(connection) as captured:
        assert client.get("/tuf/metadata/1.snapshot.json").status_code == 200
    assert len(captured) == 1


@pytest.mark.parametrize(
    "name",
    ["2.root.json", "snapshot.json", "targets.json", "1.nothing.json", "0.root.json", "999999999.root.json",
     "9999999999.root.json", "root", "..%2f1.root.json", "1.root.json/", "-1.root.json", "1..json", ".json"],
)  # fmt: skip
def test_what_is_not_in_the_index_is_not_found(feed: Feed, client: Client, name: str) -> None:
    feed.sign()
    assert client.get(f"/tuf/metadata/{name}").status_code == 404


def address_of(publication: Any) -> str:
    place, _, name = path_of(publication).rpartition("/")
    return f"/tuf/targets/{place}/{publication.artifacts[0].sha256}.{name}"


def test_a_target_is_a_download_that_never_changes(feed: Feed, client: Client) -> None:
    publication = feed.publish()
    answer = client.get(address_of(publication))
    assert body(answer) == WHEEL
    assert answer["ETag"] == f'"{hashlib.sha256(WHEEL).hexdigest()}"'
    assert "immutable" in answer["Cache-Control"]
    assert answer["Content-Disposition"].startswith("attachment")
    head = client.head(address_of(publication))
    assert (head.status_code, head["Content-Length"], body(head)) == (200, str(len(WHEEL)), b"")
    assert body(client.get(address_of(publication), headers={"Range": "bytes=3-10"})) == WHEEL[3:11]


def test_a_target_is_had_by_its_own_path_and_digest_alone(feed: Feed, client: Client) -> None:
    publication, other = feed.publish(), feed.publish(content=b"another")
    right = address_of(publication)
    wrong = [
        right.replace(publication.artifacts[0].sha256, other.artifacts[0].sha256),
        right.replace("-v1/", "-v2/"),
        right.replace(publication.release.component.slug, other.release.component.slug),
        right + "x",
        right.replace(f"{publication.artifacts[0].sha256}.", ""),
        "/tuf/targets/../../etc/passwd",
        "/tuf/targets/a/b/c999999999999999999-v999999999/" + "0" * 64 + ".x",
        "/tuf/targets/a/b/c99999999999999999999-v1/" + "0" * 64 + ".x",
    ]
    assert [client.get(address).status_code for address in wrong] == [404] * len(wrong)
    assert body(client.get(right)) == WHEEL


@pytest.mark.attack("D09")
def test_a_target_that_was_withdrawn_says_why_and_where_its_bytes_are(feed: Feed, client: Client) -> None:
    publication = feed.publish()
    feed.withdraw(publication, reason="It loses <data>.")
    answer = client.get(address_of(publication))
    assert answer.status_code == 410
    assert answer["Content-Type"].startswith("text/plain")
    assert "Withdrawn: It loses <data>." in answer.content.decode()
    link = re.findall(r"http://testserver(\S+)", answer.content.decode())[0]
    assert body(client.get(link)) == WHEEL


def test_a_target_in_quarantine_is_not_there(feed: Feed, client: Client) -> None:
    publication = feed.publish()
    feed.withdraw(publication, "quarantined")
    answer = client.get(address_of(publication))
    assert answer.status_code == 404
    assert b"loses" not in answer.content


def test_what_was_withdrawn_from_a_contribution_in_quarantine_is_not_there_either(feed: Feed, client: Client) -> None:
    publication = feed.publish()
    feed.withdraw(publication)
    contribution = publication.revision.contribution
    quarantine(person=factories.make_person(is_staff=True), contribution=contribution, reason="It may be malware.")
    answer = client.get(address_of(publication))
    assert answer.status_code == 404
    assert b"loses" not in answer.content


def test_whoever_fetches_a_target_with_a_token_hears_of_its_recall(feed: Feed, client: Client) -> None:
    publication = feed.publish()
    person = factories.make_person(organisation=factories.make_organisation("Lakeside University"))
    secret = ApiToken.make_secret()
    ApiToken.objects.create(
        person=person, name="ci", prefix=secret[:8], digest=ApiToken.digest_of(secret), scopes=["read"]
    )
    body(client.get(address_of(publication)))
    assert not Download.objects.exists()
    body(client.get(address_of(publication), headers={"Authorization": f"Bearer {secret}"}))
    noted = Download.objects.get()
    assert (noted.organisation.name, noted.blob_id) == ("Lakeside University", publication.artifacts[0].sha256)


def test_the_page_says_that_nothing_is_signed_yet(client: Client, db: None) -> None:
    del db
    answer = client.get("/tuf/")
    assert answer.status_code == 200
    assert b"Nothing is signed yet" in answer.content


def test_the_page_tells_the_root_and_how_fresh_it_is(feed: Feed, client: Client) -> None:
    publication = feed.publish()
    feed.sign()
    text = client.get("/tuf/").content.decode()
    assert hashlib.sha256(feed.root()).hexdigest() in text
    assert "on the portal itself" in text
    assert f"/tuf/metadata/1.{publication.release.slug}.json" in text
    assert path_of(publication) in text
    assert '<a href="/tuf/"' in client.get("/published/").content.decode()
    assert path_of(publication) in client.get(publication.get_absolute_url()).content.decode()


def test_the_page_lists_the_releases_in_pages_at_a_fixed_cost(feed: Feed, client: Client) -> None:
    component = factories.make_component()
    for _ in range(2):
        feed.publish(factories.make_release(component))
    feed.sign()
    few = queries_of(client)
    for _ in range(31):
        feed.publish(factories.make_release(component))
    feed.sign()
    assert queries_of(client) == few
    assert 'rel="next"' in client.get("/tuf/").content.decode()


def queries_of(client: Client) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get("/tuf/").status_code == 200
    return len(captured)


def program_of_the_page(site: str, path: str) -> str:
    del path
    page = Client().get("/tuf/", headers={"Host": site.removeprefix("http://")}).content.decode()
    (shown,) = re.findall(r'<pre class="script" tabindex="0">(import.*?)</pre>', page, re.DOTALL)
    return html.unescape(shown)


def program_of_the_docs(site: str, path: str) -> str:
    text = (settings.BASE_DIR / "docs" / "tuf.md").read_text()
    (shown,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert isinstance(shown, str)
    return shown.replace("https://patches.example.org", site).replace("COMPONENT/RELEASE/c1-v1/FILE", path)


@pytest.mark.parametrize("shown", [program_of_the_page, program_of_the_docs])
def test_the_ten_lines_install_what_they_say(
    feed: Feed, live_server: LiveServer, tmp_path: Path, shown: Callable[[str, str], str]
) -> None:
    publication = feed.publish()
    feed.sign()
    path = path_of(publication)
    name = path.rpartition("/")[2]
    (tmp_path / "root.json").write_bytes(feed.root())
    command = [sys.executable, "-c", shown(live_server.url, path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, name), done.stderr
    assert (tmp_path / name).read_bytes() == WHEEL
    feed.withdraw(publication)
    feed.sign()
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stderr.strip() == f"{path} is not to be installed from {live_server.url}."


def test_a_root_that_waits_is_not_served(feed: Feed, client: Client) -> None:
    feed.sign()
    IndexFile.objects.filter(role="root").update(waits=True)
    assert client.get("/tuf/metadata/1.root.json").status_code == 404
    assert client.get("/tuf/metadata/root.json").status_code == 404
