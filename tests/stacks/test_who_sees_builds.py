"""Who may see a build: of a private stack nobody but those who carry it, of a public one whoever may see all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from tests import factories
from tests.pages.conftest import Platform, body, signed_in

if TYPE_CHECKING:
    from contributions.models import Artifact, Build, Person, Stack

pytestmark = pytest.mark.django_db
SECRET = "quokka"
ITS_OWN = (
    "/builds/{build}/", "/builds/{build}/log/", "/builds/{build}/provenance.json", "/builds/{build}/bom.json",
    "/artifacts/{artifact}/", "/files/{sha256}/{name}", "/files/{sha256}/{name}.provenance.json",
    "/files/{sha256}/{name}.bom.json", "/files/{log}/build.log",
    "/api/v1/builds/{build}/", "/api/v1/builds/{build}/log", "/api/v1/artifacts/{artifact}/",
)  # fmt: skip
LISTS = ("/builds/", "/builds.atom", "/api/v1/builds/", "/components/swiftclient/", "/", "/audit/", "/status/")


def built(stack: Stack) -> tuple[Build, Artifact]:
    assembly = factories.make_assembly(stack)
    height = assembly.height
    build = factories.make_build(
        None, stack.release, log=f"the {SECRET} log\n".encode(), assembly=assembly, depth=height
    )
    artifact = factories.make_artifact(build, f"{SECRET}-1.0-py3-none-any.whl", f"{SECRET} bytes".encode())
    factories.make_attestation(build)
    return build, artifact


def its_own(build: Build, artifact: Artifact) -> list[str]:
    parts = {"build": build.pk, "artifact": artifact.pk, "sha256": artifact.sha256, "name": artifact.name}
    return [address.format(log=build.log_id, **parts) for address in ITS_OWN]


def statuses(person: Person | None, addresses: list[str]) -> set[int]:
    found = set()
    for address in addresses:
        answer = signed_in(person).get(address)
        body(answer)
        found.add(answer.status_code)
    return found


def lists_telling(person: Person | None, build: Build) -> set[str]:
    marks = (SECRET, f"/builds/{build.pk}/")
    answers = {address: body(signed_in(person).get(address)).decode() for address in LISTS}
    return {address for address, text in answers.items() if any(mark in text for mark in marks)}


@pytest.mark.attack("W16")
def test_what_a_private_stack_built_is_seen_by_its_organisation_and_staff_alone(platform: Platform) -> None:
    author = platform.people["author"]
    assert author is not None
    stack = factories.make_stack(platform.contribution, author=author, name=f"the {SECRET} stack")
    build, artifact = built(stack)
    colleague = factories.make_person(organisation=platform.organisation)
    for person in (platform.people["stranger"], platform.people["member"], platform.people["maintainer"]):
        assert statuses(person, its_own(build, artifact)) == {404}
        assert lists_telling(person, build) == set()
    for person in (author, colleague, platform.people["staff"]):
        assert statuses(person, its_own(build, artifact)) == {200}, "the control"
        assert "/builds/" in lists_telling(person, build), "the control"


@pytest.mark.attack("W16")
def test_who_left_the_organisation_sees_its_stack_no_more(platform: Platform) -> None:
    author = platform.people["author"]
    assert author is not None
    build, artifact = built(factories.make_stack(platform.contribution, author=author))
    assert statuses(author, its_own(build, artifact)) == {200}, "the control"
    author.memberships.all().delete()
    assert statuses(author, its_own(build, artifact)) == {404}


@pytest.mark.attack("W16")
def test_a_public_stack_hides_what_it_built_while_a_part_of_it_is_hidden(platform: Platform) -> None:
    stack = factories.make_stack(platform.contribution, is_public=True)
    build, artifact = built(stack)
    assert statuses(None, its_own(build, artifact)) == {200}, "the control"
    platform.contribution.quarantined_at = timezone.now()
    platform.contribution.save()
    assert statuses(None, its_own(build, artifact)) == {404}
    assert statuses(platform.people["member"], its_own(build, artifact)) == {404}


@pytest.mark.attack("W16")
def test_the_same_bytes_of_a_public_build_open_no_door_to_what_is_sworn_of_a_private_one(platform: Platform) -> None:
    author = platform.people["author"]
    assert author is not None
    build, artifact = built(factories.make_stack(platform.contribution, author=author))
    factories.make_artifact(platform.build, artifact.name, artifact.blob.read())
    address = f"{artifact.get_absolute_url()}.provenance.json"
    answer = signed_in(author).get(address)
    assert body(answer) == build.attestation.provenance.read()
    assert answer["Cache-Control"] == "private, no-cache"
    answer = signed_in(None).get(address)
    assert body(answer) == platform.build.attestation.provenance.read()
    assert answer["Cache-Control"] == "public, no-cache"


def test_a_build_of_the_bare_release_stays_everybodys(platform: Platform) -> None:
    bare = factories.make_build(None, platform.release)
    assert statuses(None, [f"/builds/{bare.pk}/", f"/api/v1/builds/{bare.pk}/"]) == {200}
