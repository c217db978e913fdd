from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contributions.models import Contribution, Event, Publication
from contributions.pipeline.publishing import publish
from tests import factories
from tests.api.conftest import Caller

if TYPE_CHECKING:
    from tests.api.conftest import Scene

pytestmark = pytest.mark.django_db


def publish_another(scene: Scene, slug: str = "") -> Publication:
    release = factories.make_release(factories.make_component(slug)) if slug else scene.release
    contribution = factories.make_contribution(release=release, state=Contribution.State.APPROVED)
    factories.make_artifact(factories.make_build(contribution.current, release))
    [made] = publish(contribution.pk)
    return made


def withdraw(scene: Scene, publication: Publication) -> None:
    address = f"publications/{publication.pk}/withdraw/"
    response = scene.tokened(factories.make_person(is_staff=True)).post(address, {"reason": "It loses data."})
    assert response.status_code == 200
    assert response.json()["state"] == "withdrawn"


def test_an_entry_has_all_that_a_machine_needs(published: Scene) -> None:
    [entry] = Caller().listed("feed/")
    publication = published.contribution.current.publications.get()
    artifact = published.build.artifacts.get()
    assert (entry["event"], entry["live"], entry["reason"]) == ("published", True, "")
    assert (entry["component"], entry["release"]) == ("swiftclient", "4.7.0")
    assert (entry["contribution"], entry["revision"]) == (published.contribution.pk, 1)
    assert (entry["publication"], entry["build"]) == (publication.pk, published.build.pk)
    assert entry["artifacts"] == [
        {
            "name": artifact.name,
            "url": f"http://testserver/files/{artifact.sha256}/{artifact.name}",
            "sha256": artifact.sha256,
            "size": artifact.size,
            "media_type": "",
            "details": f"http://testserver/api/v1/artifacts/{artifact.pk}/",
        }
    ]
    for link in ("publication_url", "contribution_url", "build_url", "log_url", "patch_url"):
        assert Caller().get(entry[link]).status_code == 200, link


def test_an_uploaded_executable_has_neither_build_nor_log(scene: Scene) -> None:
    contribution = factories.make_contribution(
        release=scene.release, kind="executable", state=Contribution.State.APPROVED
    )
    factories.make_artifact(revision=contribution.current)
    contribution.revisions.update(mbox=None, diff=None)
    assert publish(contribution.pk)
    [entry] = Caller().listed("feed/")
    assert (entry["build"], entry["build_url"], entry["log_url"], entry["patch_url"]) == (None, None, None, None)
    assert len(entry["artifacts"]) == 1


def test_withdrawing_is_an_entry_of_its_own(published: Scene) -> None:
    withdraw(published, published.contribution.current.publications.get())
    newest, oldest = Caller().listed("feed/")
    assert (newest["event"], newest["reason"], newest["live"]) == ("withdrawn", "It loses data.", False)
    assert (oldest["event"], oldest["reason"], oldest["live"]) == ("published", "", False)


def test_nothing_new_is_a_304_of_three_small_queries(published: Scene) -> None:
    for _ in range(5):
        publish_another(published)
    etag = Caller().get("feed/").headers["ETag"]
    assert not etag.startswith("W/")
    with CaptureQueriesContext(connection) as queries:
        again = Caller().get("feed/", headers={"If-None-Match": etag})
    assert again.status_code == 304
    assert again.headers["ETag"] == etag
    assert not again.content
    assert len(queries) == 3


def test_each_change_of_the_feed_changes_its_etag(published: Scene) -> None:
    seen = [Caller().get("feed/").headers["ETag"]]
    publication = publish_another(published)
    seen.append(Caller().get("feed/").headers["ETag"])
    withdraw(published, publication)
    seen.append(Caller().get("feed/").headers["ETag"])
    assert len(set(seen)) == 3
    assert Caller().get("feed/", headers={"If-None-Match": ", ".join(seen[:2])}).status_code == 200
    assert Caller().get("feed/", headers={"If-None-Match": seen[2]}).status_code == 304


def test_another_page_or_filter_has_another_etag(published: Scene) -> None:
    publish_another(published)
    addresses = ("feed/", "feed/?page_size=1", "feed/?component=swiftclient", "feed/?release=4.7.0")
    assert len({Caller().get(address).headers["ETag"] for address in addresses}) == len(addresses)


def test_other_news_leaves_the_etag_of_a_filtered_feed_alone(published: Scene) -> None:
    mine = Caller().get("feed/?component=swiftclient").headers["ETag"]
    publish_another(published, "nova")
    assert Caller().get("feed/?component=swiftclient").headers["ETag"] == mine
    assert len(Caller().listed("feed/")) == 2
    assert [entry["component"] for entry in Caller().listed("feed/?component=nova")] == ["nova"]
    assert len(Caller().listed("feed/?release=swiftclient-4.7.0")) == 1


def test_since_takes_a_time_or_an_entry(published: Scene) -> None:
    first = Event.objects.of_the_feed().get()
    at = first.at.isoformat()
    Event.objects.of_the_feed()
    publish_another(published)
    second = Event.objects.of_the_feed().latest("pk")
    caller = Caller()

    def entries(since: str) -> list[int]:
        return [entry["id"] for entry in caller.listed(f"feed/?since={since}")]

    assert entries(str(first.pk)) == [second.pk]
    assert entries(str(second.pk)) == []
    assert entries(quote(at)) == [second.pk, first.pk]
    assert entries(at) == [second.pk, first.pk]  # a "+" that nobody escaped
    later = quote((second.at + timedelta(microseconds=1)).isoformat())
    assert entries(later) == []
    assert entries("2020-01-01") == entries("2020-01-01T00:00:00Z") == entries("") == [second.pk, first.pk]
    assert entries("2999-01-01T00:00:00") == []


ODD_TIMES = ["yesterday", "2026-13-01", "0000-00-00", "-1", "1e5", "9" * 40, "T", "2026-01-01T99:00"]


def test_an_odd_since_is_refused(published: Scene, subtests: pytest.Subtests) -> None:
    del published
    for since in ODD_TIMES:
        with subtests.test(since=str(since)[:40]):
            response = Caller().get(f"feed/?since={since}")
            assert response.status_code == 400
            assert "since" in response.json()["errors"]


def test_pages_of_the_feed_are_complete(published: Scene) -> None:
    made = {publish_another(published).pk for _ in range(6)}
    paged = [entry["publication"] for entry in Caller().all_pages("feed/?page_size=2")]
    assert paged == sorted(paged, reverse=True)
    assert set(paged) == made | {published.contribution.current.publications.get().pk}


def test_everybody_hears_the_same_feed(published: Scene, member: Caller) -> None:
    staff = published.tokened(factories.make_person(is_staff=True))
    answers = {caller.get("feed/").content for caller in (Caller(), member, staff, Caller(published.author))}
    assert len(answers) == 1
