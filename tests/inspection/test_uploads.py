"""An uploaded executable on its way: looked into in the jail, its sender's alone until then, never other bytes."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.conf import settings as django_settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from contributions.actions.sources import ArtifactFile
from contributions.actions.submitting import revise, submit
from contributions.actions.withdrawing import withdraw, withdraw_publication
from contributions.inspection import reports
from contributions.models import Artifact, Contribution, Publication, Revision
from contributions.pipeline.publishing import forgotten, publish
from contributions.pipeline.receiving import needs_a_jail, receive
from portal.celery import app
from tests import factories
from tests.inspection.archives import entry, tarred, wheel, zipped
from tests.pages.conftest import body, signed_in

if TYPE_CHECKING:
    from contributions.models import Person, Release

pytestmark = pytest.mark.django_db

WHEEL = "tool-1.0-py3-none-any.whl"
EVIL = gzip.compress(tarred(entry("../../evil")))


@pytest.fixture
def release() -> Release:
    return factories.make_release(factories.make_component("tools", recipe=False), "1.0")


@pytest.fixture
def author() -> Person:
    return factories.make_person("author", organisation=factories.make_organisation("Northern Hosting"))


def sent(author: Person, release: Release, content: bytes, name: str = WHEEL) -> Contribution:
    source = ArtifactFile(SimpleUploadedFile(name, content))
    return submit(
        author=author, component=release.component, kind="executable", title="A tool", release=release, source=source
    )


def received(contribution: Contribution) -> Revision:
    revision: Revision = contribution.revisions.get(number=contribution.revisions.count())
    receive(revision.pk)
    revision.refresh_from_db()
    contribution.refresh_from_db()
    return revision


def published(contribution: Contribution) -> Publication:
    contribution.move(Contribution.State.APPROVED)
    publish(contribution.pk)
    return Publication.objects.get(revision=contribution.current)


def status(person: Person | None, address: str) -> int:
    answer = signed_in(person).get(address)
    body(answer)
    return answer.status_code


@pytest.mark.attack("D01")
def test_a_hostile_archive_is_refused_and_its_honest_twin_is_taken(author: Person, release: Release) -> None:
    bad = received(sent(author, release, EVIL, "tool-1.0.tar.gz"))
    assert (bad.state, bad.sentence) == ("refused", "It would write outside of its own directory: ../../evil.")
    good = received(sent(author, release, gzip.compress(tarred(entry("evil"))), "tool-1.1.tar.gz"))
    assert good.state == "received"
    assert not Artifact.objects.filter(revision=bad).exists()
    assert good.artifacts.get().media_type == "application/x-compressed-tar"


@pytest.mark.attack("D01")
def test_a_bomb_is_refused_in_the_jail(author: Person, release: Release) -> None:
    bomb = received(sent(author, release, zipped({"air": bytes(100 << 20)}), "air.zip"))
    assert bomb.state == "refused"
    assert "unpacks to more than" in bomb.sentence


def test_until_it_was_looked_into_it_is_its_senders_and_the_staffs_alone(author: Person, release: Release) -> None:
    contribution = sent(author, release, wheel())
    received(contribution)
    again = revise(author=author, contribution=contribution, source=ArtifactFile(SimpleUploadedFile("b.bin", b"two\0")))
    address = f"/files/{again.raw_id}/b.bin"
    staff, peer = factories.make_person(is_staff=True), factories.make_person()
    assert [status(who, address) for who in (None, peer, author, staff)] == [404, 404, 200, 200]
    assert "private" in signed_in(author).get(address, headers={"If-None-Match": f'"{again.raw_id}"'})["Cache-Control"]
    received(contribution)
    assert [status(who, address) for who in (None, peer, author, staff)] == [200] * 4


def test_what_was_refused_is_shown_to_nobody_else(author: Person, release: Release) -> None:
    contribution = sent(author, release, wheel())
    received(contribution)
    revise(author=author, contribution=contribution, source=ArtifactFile(SimpleUploadedFile("e.tar.gz", EVIL)))
    bad = received(contribution)
    assert bad.state == "refused"
    assert [status(who, f"/files/{bad.raw_id}/e.tar.gz") for who in (None, author)] == [404, 200]


def test_its_page_and_its_json_tell_what_is_inside(author: Person, release: Release) -> None:
    revision = received(sent(author, release, wheel()))
    artifact = revision.artifacts.get()
    page = Client().get(f"/artifacts/{artifact.pk}/").content.decode()
    assert "Python wheel" in page
    assert "tool-1.0.dist-info/RECORD" in page
    assert "Unverified upload, built by Northern Hosting" in page
    told = Client().get(f"/api/v1/artifacts/{artifact.pk}/").json()
    assert (told["media_type"], told["build"], told["contents"]["members"]) == ("application/x-wheel+zip", None, 4)
    assert {"name": "tool/__init__.py", "size": 0} in told["contents"]["listed"]
    assert told["sha256"] == artifact.sha256


def test_a_long_list_is_cut_and_says_so(author: Person, release: Release) -> None:
    many = zipped({f"file {number}": b"" for number in range(700)})
    artifact = received(sent(author, release, many, "many.zip")).artifacts.get()
    assert (artifact.contents["members"], len(artifact.contents["listed"])) == (700, 500)
    page = Client().get(f"/artifacts/{artifact.pk}/").content.decode()
    assert "… and 500 more." in page


def test_bytes_that_maintainers_rejected_elsewhere_are_told_of(author: Person, release: Release) -> None:
    """Control: that somebody else's upload of them was refused for its name blackens nobody."""
    taken = received(sent(author, release, wheel())).artifacts.get()
    assert received(sent(factories.make_person(), release, wheel(), "tool-2.0-py3-none-any.whl")).state == "refused"
    assert "These bytes" not in Client().get(f"/artifacts/{taken.pk}/").content.decode()
    other = sent(factories.make_person(), release, wheel())
    received(other)
    other.move(Contribution.State.REJECTED)
    page = Client().get(f"/artifacts/{taken.pk}/").content.decode()
    assert f"These bytes were rejected by maintainers, as #{other.pk}." in page
    [word] = Client().get(f"/api/v1/artifacts/{taken.pk}/").json()["against"]
    assert (word["what"], word["contribution"]) == ("rejected by maintainers", other.pk)


@pytest.mark.attack("D08")
def test_a_published_name_never_changes_its_bytes(author: Person, release: Release) -> None:
    first = sent(author, release, wheel())
    received(first)
    publication = published(first)
    other = wheel(METADATA=b"Name: tool\nEvil: yes\n")
    sentence = f"{WHEEL} was published already with other bytes"
    assert sentence in received(sent(factories.make_person(), release, other)).sentence
    withdraw_publication(person=author, publication=publication, reason="It breaks.")
    assert sentence in received(sent(author, release, other)).sentence
    withdraw(person=author, contribution=first, reason="Gone.")
    assert sentence in received(sent(author, release, other)).sentence
    assert received(sent(author, release, wheel())).state == "received"
    newer = wheel(version="1.1")
    assert received(sent(author, release, newer, "tool-1.1-py3-none-any.whl")).state == "received"


@pytest.mark.attack("D08")
def test_of_two_approved_files_of_one_name_the_first_is_published(author: Person, release: Release) -> None:
    """Control: under another name, the second is published too."""
    other = wheel(METADATA=b"Name: tool\nOther: yes\n")
    first, second = sent(author, release, wheel()), sent(author, release, other)
    third = sent(author, release, zipped(), "third.zip")
    for contribution in (first, second, third):
        assert received(contribution).state == "received"
        contribution.move(Contribution.State.APPROVED)
    for contribution in (first, second, third):
        publish(contribution.pk)
    assert set(Publication.objects.values_list("revision__contribution", flat=True)) == {first.pk, third.pk}
    assert forgotten(10) == [second.pk]


@pytest.mark.attack("D09")
def test_what_was_taken_out_of_the_feed_warns_on_its_old_address(author: Person, release: Release) -> None:
    contribution = sent(author, release, wheel())
    received(contribution)
    publication = published(contribution)
    [artifact] = publication.artifacts
    before = Client().get(artifact.get_absolute_url())
    body(before)
    assert "Warning" not in before.headers
    assert Client().get(f"/simple/{release.slug}/tool/").content.count(b"data-yanked") == 0
    withdraw_publication(person=author, publication=publication, reason="It loses data; é.")
    after = Client().get(artifact.get_absolute_url())
    assert body(after) == wheel()
    assert (
        after["Warning"] == f'299 - "These bytes were taken out of the feed, as #{contribution.pk}: It loses data; ?."'
    )
    assert after["Cache-Control"] == "no-cache"
    assert Client().get(f"/simple/{release.slug}/tool/").content.count(b"data-yanked") == 1
    page = Client().get(f"/artifacts/{artifact.pk}/").content.decode()
    assert "It loses data" in page


@pytest.mark.attack("D10")
def test_what_was_not_built_here_says_so_wherever_it_is_shown(author: Person, release: Release) -> None:
    contribution = sent(author, release, wheel())
    received(contribution)
    publication = published(contribution)
    for address in (contribution.get_absolute_url(), publication.get_absolute_url()):
        assert "not built here" in Client().get(address).content.decode()
    [entry_told] = Client().get("/api/v1/feed/").json()["results"]
    assert entry_told["build"] is None
    built = factories.make_publication()
    assert "not built here" not in Client().get(built.get_absolute_url()).content.decode()


def test_only_workers_with_a_sandbox_look_into_uploads(author: Person, release: Release) -> None:
    upload = sent(author, release, wheel()).revisions.get()
    assert needs_a_jail(upload.pk)
    assert not needs_a_jail(factories.make_revision().pk)
    assert app.amqp.router.route({}, "contributions.tasks.inspect")["queue"].name == "builds"
    assert app.amqp.router.route({}, "contributions.tasks.receive")["queue"].name == "receive"
    compose = (Path(django_settings.BASE_DIR) / "compose.yaml").read_text()
    assert '"--queues", "builds"' in compose


FORGED = {
    "nothing": b"",
    "no JSON": b"\xff\xfe",
    "a list": b"[]",
    "another word": b'{"safe": true}',
    "half": b'{"found": {"media_type": "x"}}',
    "no numbers": json.dumps({"found": {"media_type": "x", "members": "9", "bytes": 1, "listed": []}}).encode(),
    "a huge number": json.dumps({"found": {"media_type": "x", "members": 2**80, "bytes": 1, "listed": []}}).encode(),
    "an odd member": json.dumps({"found": {"media_type": "x", "members": 1, "bytes": 1, "listed": [1]}}).encode(),
    "a deep hole": b"[" * 100_000,
}  # fmt: skip


@pytest.mark.parametrize("case", FORGED)
def test_a_forged_report_is_none(case: str) -> None:
    with pytest.raises(reports.NoReport):
        reports.read_report(FORGED[case])


def test_of_what_a_report_says_only_little_and_plain_text_is_kept() -> None:
    listed = [["\x1b[31m\u202e" + "x" * 900, 1]] * 900
    found = {"media_type": "y" * 500, "members": 9, "bytes": 9, "listed": listed}
    report = reports.read_report(json.dumps({"found": found}).encode())
    assert len(report.media_type) == 100
    assert len(report.listed) == 500
    assert report.listed[0][0].startswith("\\x1b[31m\\u202exxx")
    assert all(len(name) <= 200 for name, _ in report.listed)
    assert len(reports.read_report(json.dumps({"refused": "z" * 5000 + "\0"}).encode()).refused) == 600
