"""Provenance, bills of materials and keys, as pages show them and as files that are fetched."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from django.utils import timezone

from contributions.models import Attestation, Revision
from contributions.signing.keys import public_key_of
from tests import factories
from tests.pages.conftest import body

if TYPE_CHECKING:
    from tests.pages.conftest import Platform

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("side", "document"), [("provenance", "provenance.json"), ("bill", "bom.json")])
def test_a_document_is_the_same_by_the_build_and_by_the_file_and_never_a_page(
    platform: Platform, side: str, document: str
) -> None:
    blob = getattr(platform.build.attestation, side)
    beside = f"{platform.artifact.get_absolute_url()}.{document}"
    for address in (f"/builds/{platform.build.pk}/{document}", beside):
        answer = Client().get(address)
        assert hashlib.sha256(body(answer)).hexdigest() == blob.sha256
        assert answer["ETag"] == f'"{blob.sha256}"'
        assert answer["Cache-Control"] == "public, no-cache"
        assert answer["Content-Disposition"].startswith("attachment")
        assert "sandbox" in answer["Content-Security-Policy"]
        assert Client().get(address, headers={"If-None-Match": answer["ETag"]}).status_code == 304


def test_of_two_builds_of_the_same_bytes_the_newest_one_vouches(platform: Platform) -> None:
    again = factories.make_build(platform.contribution.current, platform.release)
    factories.make_artifact(again, platform.artifact.name, platform.artifact.blob.read())
    newest = factories.make_attestation(again)
    answer = Client().get(f"{platform.artifact.get_absolute_url()}.provenance.json")
    assert answer["ETag"] == f'"{newest.provenance_id}"'
    body(answer)


def test_what_is_not_signed_is_missing_and_its_page_says_why(platform: Platform) -> None:
    reason = "The key for builds is not on this machine; run manage.py keys make builds."
    Attestation.objects.update(state="errored", provenance=None, bill=None, key=None, sentence=reason)
    for address in (f"/builds/{platform.build.pk}/bom.json", f"{platform.artifact.get_absolute_url()}.bom.json"):
        assert Client().get(address).status_code == 404
    for page in (platform.build.get_absolute_url(), platform.publication.get_absolute_url()):
        shown = Client().get(page).content.decode()
        assert reason in shown
        assert "bom.json" not in shown


def test_a_page_says_that_the_key_was_revoked_and_shows_no_document_of_it(platform: Platform) -> None:
    key = platform.build.attestation.key
    key.revoked_at, key.reason = timezone.now(), "A backup was stolen."
    key.save()
    Attestation.objects.all().queue_again()
    for page in (platform.build.get_absolute_url(), platform.publication.get_absolute_url()):
        shown = Client().get(page).content.decode()
        assert "was <b>revoked</b> (“A backup was stolen.”)" in shown
        assert "provenance.json" not in shown


def test_pages_lead_to_what_is_signed(platform: Platform) -> None:
    for page in (platform.build.get_absolute_url(), platform.publication.get_absolute_url()):
        shown = Client().get(page).content.decode()
        assert f"/builds/{platform.build.pk}/provenance.json" in shown
        assert f"/builds/{platform.build.pk}/bom.json" in shown
        assert platform.build.attestation.key.get_absolute_url() in shown


def test_an_upload_claims_no_provenance(platform: Platform) -> None:
    executable = factories.make_contribution(component=platform.component, release=platform.release, kind="executable")
    uploaded = factories.make_artifact(build=None, revision=executable.current, content=b"from elsewhere")
    assert Client().get(f"{uploaded.get_absolute_url()}.provenance.json").status_code == 404


def test_a_file_that_is_called_like_a_document_is_that_file(platform: Platform) -> None:
    odd = factories.make_artifact(platform.build, "dist/x.provenance.json", b"no provenance at all")
    answer = Client().get(odd.get_absolute_url())
    assert body(answer) == b"no provenance at all"


def test_nobody_reads_the_provenance_of_what_they_may_not_know_of(platform: Platform) -> None:
    Revision.objects.filter(pk=platform.contribution.current.pk).update(note="so that it is hidden below")
    platform.contribution.current = None
    platform.contribution.save()
    statuses = {}
    for role in platform.people:
        for address in (
            f"/builds/{platform.build.pk}/provenance.json",
            f"{platform.artifact.get_absolute_url()}.provenance.json",
        ):
            statuses.setdefault(role, set()).add(platform.status(role, address))
    assert statuses == {"stranger": {404}, "member": {404}, "author": {200}, "maintainer": {404}, "staff": {200}}
    private = platform.client("author").get(f"/builds/{platform.build.pk}/provenance.json")
    body(private)
    assert private["Cache-Control"] == "private, no-cache"


def test_a_key_is_fetched_with_what_became_of_it() -> None:
    lost = factories.make_signing_key(revoked_at=timezone.now(), reason="A backup\nwas stolen.")
    answer = Client().get(f"/keys/{lost.keyid}.pem")
    read = public_key_of(answer.content.decode())
    assert (read.keyid, read.is_trusted) == (lost.keyid, False)
    page = Client().get("/keys/").content.decode()
    assert lost.keyid in page
    assert "revoked" in page
    assert Client().get(f"/keys/{'0' * 64}.pem").status_code == 404


def test_the_page_of_keys_counts_what_waits(platform: Platform) -> None:
    assert b"to be signed" not in Client().get("/keys/").content
    factories.make_attestation(factories.make_build(platform.contribution.current, platform.release), state="queued")
    assert b"1 build waits to be signed" in Client().get("/keys/").content
    factories.make_attestation(factories.make_build(platform.contribution.current, platform.release), state="errored")
    assert b"2 builds wait to be signed" in Client().get("/keys/").content


def test_the_recipe_is_shown_as_it_is_typed() -> None:
    shown = Client().get("/how-builds-are-signed/").content.decode()
    assert "wc -c &lt;statement.json" in shown
    assert "${#type}" in shown
