"""An upload that says what it was built from is held against the portal's own build of that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from contributions.models import Artifact, Build, Contribution, Event, Publication
from contributions.pipeline.publishing import publish
from contributions.pipeline.receiving import receive
from contributions.pipeline.repeating import tell_of_matches
from tests import factories
from tests.api.conftest import Caller, make_token
from tests.inspection.archives import wheel
from tests.pages.conftest import signed_in

if TYPE_CHECKING:
    from contributions.models import Person

pytestmark = pytest.mark.django_db

WHEEL = "tool-1.0-py3-none-any.whl"


@pytest.fixture
def patch() -> Contribution:
    release = factories.make_release(factories.make_component("tools"), "1.0")
    return factories.make_contribution(release=release)


@pytest.fixture
def author() -> Person:
    return factories.make_person("builder", organisation=factories.make_organisation("Northern Hosting"))


def form(patch: Contribution, **more: Any) -> dict[str, Any]:
    return {
        "component": "tools", "kind": "executable", "title": "A tool", "release": patch.release.slug,
        "artifact": SimpleUploadedFile(WHEEL, wheel()), **more,
    }  # fmt: skip


def uploaded(author: Person, patch: Contribution, claims: str) -> Contribution:
    answer = signed_in(author).post("/submit/", form(patch, claims=claims))
    assert answer.status_code == 302, answer.content.decode()
    made = Contribution.objects.latest("pk")
    receive(made.revisions.get().pk)
    made.refresh_from_db()
    assert made.current is not None, made.revisions.get().sentence
    return made


def built(patch: Contribution, content: bytes) -> Build:
    build = factories.make_build(patch.current, patch.release)
    factories.make_artifact(build, f"dist/{WHEEL}", content)
    return build


def told(contribution: Contribution) -> tuple[str, int | None]:
    artifact = contribution.current.artifacts.get()
    answer = Client().get(f"/api/v1/artifacts/{artifact.pk}/").json()
    return answer["origin"], answer["matches"]


def test_the_same_bytes_match_and_other_bytes_do_not(author: Person, patch: Contribution) -> None:
    upload = uploaded(author, patch, f"#{patch.pk} v1")
    unverified = ("unverified upload, built by Northern Hosting", None)
    assert told(upload) == unverified
    assert f"#{patch.pk} v1" in Client().get(upload.get_absolute_url()).content.decode()
    built(patch, wheel(METADATA=b"other"))
    failed = built(patch, wheel())
    Build.objects.filter(pk=failed.pk).update(state="failed")
    elsewhere = factories.make_build(patch.current, factories.make_release(patch.component))
    factories.make_artifact(elsewhere, WHEEL, wheel())
    repetition = factories.make_build(patch.current, patch.release, repeats=elsewhere)
    factories.make_artifact(repetition, WHEEL, wheel())
    assert told(upload) == unverified
    build = built(patch, wheel())
    assert told(upload) == (f"matches the portal's build {build.pk} byte for byte", build.pk)
    assert "byte for byte" in Client().get(upload.get_absolute_url()).content.decode()


def test_who_claims_nothing_matches_nothing(author: Person, patch: Contribution) -> None:
    built(patch, wheel())
    assert told(uploaded(author, patch, "")) == ("unverified upload, built by Northern Hosting", None)


def test_the_feed_tells_it_as_soon_as_a_later_build_matches(author: Person, patch: Contribution) -> None:
    upload = uploaded(author, patch, f"{patch.pk}")
    upload.move(Contribution.State.APPROVED)
    publish(upload.pk)
    first = Client().get("/api/v1/feed/")
    [entry] = first.json()["results"]
    assert (entry["origin"], entry["build"], entry["provenance"]) == (
        "unverified upload, built by Northern Hosting", None, None,
    )  # fmt: skip
    build = built(patch, wheel())
    tell_of_matches(build)
    [event] = Event.objects.filter(contribution=upload, verb="reproduced")
    assert event.text == f"it matches build {build.pk} byte for byte"
    again = Client().get("/api/v1/feed/", headers={"If-None-Match": first["ETag"]})
    words = f"matches the portal's build {build.pk} byte for byte"
    assert again.json()["results"][0]["origin"] == words
    assert Client().get("/api/v1/publications/").json()["results"][0]["origin"] == words
    assert f"Matches the portal&#39;s build {build.pk}" in Client().get("/feed.atom").content.decode().replace(
        "'", "&#39;"
    )
    publication = Publication.objects.get()
    assert "byte for byte" in Client().get(publication.get_absolute_url()).content.decode()


@pytest.mark.parametrize("claims", ["what", "#0", "#999999", "v1", "#{other}", "#{upload}", "#{patch} v9"])
def test_what_cannot_be_meant_is_refused_and_nothing_is_kept(author: Person, patch: Contribution, claims: str) -> None:
    other = factories.make_contribution(release=factories.make_release())
    upload = factories.make_contribution(release=patch.release, kind="executable")
    words = claims.format(other=other.pk, upload=upload.pk, patch=patch.pk)
    answer = signed_in(author).post("/submit/", form(patch, claims=words))
    assert answer.status_code == 400
    assert "id_claims" in answer.content.decode()
    assert not Contribution.objects.filter(author=author).exists()


def test_rest_takes_a_claim_with_an_artifact_alone(author: Person, patch: Contribution) -> None:
    caller = Caller(author, make_token(author, "write", "read"))
    given = form(patch, claims=f"#{patch.pk} v1", release="1.0")
    answer = caller.upload("contributions/", given)
    assert answer.status_code == 201, answer.content
    number = answer.json()["number"]
    assert caller.get(f"contributions/{number}/revisions/1/").json()["claims"] == f"#{patch.pk} v1"
    alone = {name: value for name, value in given.items() if name != "artifact"}
    refused = caller.upload("contributions/", alone | {"kind": "experience", "description": "x"})
    assert refused.status_code == 400
    assert "claims" in refused.json()["errors"]


def test_matching_costs_no_more_for_more_files(django_assert_num_queries: Any) -> None:
    for _ in range(3):
        factories.make_artifact(revision=factories.make_revision(source="artifact"))
    with django_assert_num_queries(1):
        assert {file.match for file in Artifact.objects.with_match()} == {None}
