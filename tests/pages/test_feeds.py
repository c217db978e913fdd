from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from django.test import Client

from contributions.feeds.simple import project_of
from contributions.models import Event
from tests import factories

if TYPE_CHECKING:
    from contributions.models import Publication

pytestmark = pytest.mark.django_db

ATOM = "{http://www.w3.org/2005/Atom}"
ODD_TITLES = ["bell \x07", "escape \x1b[31m", "\uffff noncharacter", "<b>&amp;", "\u202eright", "\ud7ff"]
JSON_TYPE = "application/vnd.pypi.simple.v1+json"


def publish(title: str = "A fix", name: str = "") -> Publication:
    revision = factories.make_contribution(title=title).current
    build = factories.make_build(revision)
    if name:
        factories.make_artifact(build, name, name.encode())
    publication = factories.make_publication(build)
    things = {"contribution": revision.contribution, "release": build.release, "publication": publication}
    Event.objects.write(Event.Verb.PUBLISHED, **things)
    return publication


def withdraw(publication: Publication, reason: str = "It loses data.") -> None:
    publication.move("withdrawn", reason=reason)
    Event.objects.write(
        Event.Verb.UNPUBLISHED,
        contribution=publication.revision.contribution,
        publication=publication,
        text=reason,
    )


def test_the_atom_feed_tells_of_publishing_and_withdrawing() -> None:
    withdraw(publish("Wait longer"))
    root = ET.fromstring(Client().get("/feed.atom").content)  # noqa: S314 - our own answer
    titles = [entry.findtext(f"{ATOM}title") or "" for entry in root.iter(f"{ATOM}entry")]
    assert [title.partition(":")[0] for title in titles] == ["Withdrawn", "Published"]
    identities = {entry.findtext(f"{ATOM}id") for entry in root.iter(f"{ATOM}entry")}
    assert len(identities) == 2


@pytest.mark.parametrize("title", ODD_TITLES)
def test_no_title_breaks_the_feed(title: str) -> None:
    publish(title)
    answer = Client().get("/feed.atom")
    assert answer.status_code == 200
    assert len(list(ET.fromstring(answer.content).iter(f"{ATOM}entry"))) == 1  # noqa: S314 - our own answer


def test_an_unchanged_feed_is_not_sent_again() -> None:
    publication = publish()
    etag = Client().get("/feed.atom")["ETag"]
    assert Client().get("/feed.atom", headers={"If-None-Match": etag}).status_code == 304
    withdraw(publication)
    assert Client().get("/feed.atom", headers={"If-None-Match": etag}).status_code == 200


def test_pip_finds_projects_and_files_with_their_digests() -> None:
    name = "Python_Swift.Client-4.7.0+patchbay.3-py3-none-any.whl"
    slug = publish(name=name).release.slug
    assert f'href="/simple/{slug}/python-swift-client/"' in Client().get(f"/simple/{slug}/").content.decode()
    page = Client().get(f"/simple/{slug}/python-swift-client/").content.decode()
    digest = hashlib.sha256(name.encode()).hexdigest()
    assert re.search(rf'href="/files/{digest}/[^"]+#sha256={digest}"', page)
    assert "data-yanked" not in page


@pytest.mark.parametrize("spelling", ["Python_Swift.Client", "python--swift__client", "PYTHON.SWIFT-CLIENT"])
def test_another_spelling_leads_to_the_one_spelling(spelling: str) -> None:
    slug = publish(name="python_swift_client-1.0-py3-none-any.whl").release.slug
    answer = Client().get(f"/simple/{slug}/{spelling}/")
    assert (answer.status_code, answer["Location"]) == (301, f"/simple/{slug}/python-swift-client/")


def test_a_withdrawn_file_is_out_of_pips_choice() -> None:
    publication = publish(name="swift-1.0-py3-none-any.whl")
    withdraw(publication, 'It "loses" <data>.')
    url = f"/simple/{publication.release.slug}/swift/"
    assert 'data-yanked="It &quot;loses&quot; &lt;data&gt;."' in Client().get(url).content.decode()
    [file] = json.loads(Client().get(url, headers={"Accept": JSON_TYPE}).content)["files"]
    assert file["yanked"] == 'It "loses" <data>.'


def test_programs_that_ask_for_json_get_json() -> None:
    slug = publish(name="swift-1.0-py3-none-any.whl").release.slug
    answer = Client().get(f"/simple/{slug}/swift/", headers={"Accept": f"{JSON_TYPE}, text/html;q=0.1"})
    assert answer["Content-Type"] == JSON_TYPE
    assert "Accept" in answer["Vary"]
    found = json.loads(answer.content)
    assert (found["name"], found["versions"], found["meta"]) == ("swift", ["1.0"], {"api-version": "1.1"})
    assert Client().get(f"/simple/{slug}/swift/")["Content-Type"].startswith("text/html")


def test_an_unknown_release_or_project_is_not_found() -> None:
    slug = publish(name="swift-1.0-py3-none-any.whl").release.slug
    assert Client().get("/simple/nothing/").status_code == 404
    assert Client().get(f"/simple/{slug}/nothing/").status_code == 404


@pytest.mark.parametrize(
    ("filename", "project"),
    [
        ("a_b-1.0-py3-none-any.whl", "a-b"),
        ("A.B-1.0-1-py3-none-any.whl", "a-b"),
        ("python-swiftclient-4.7.0.tar.gz", "python-swiftclient"),
        ("notes.txt", ""),
        ("nodash.whl", ""),
        ("-1.0.whl", ""),
    ],
)
def test_a_file_belongs_to_the_project_it_names(filename: str, project: str) -> None:
    assert project_of(filename) == project
