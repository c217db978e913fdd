"""One small platform that every page can be looked at on."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from django.db import transaction
from django.test import Client

from contributions.models import ApiToken, Event
from tests import factories

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contributions.models import (
        Artifact,
        Build,
        Comment,
        Component,
        Contribution,
        Flag,
        Organisation,
        Person,
        Publication,
        Release,
    )


def signed_in(person: Person | None) -> Client:
    """A browser in which the person has signed in; a stranger's for None."""
    client = Client()
    if person is not None:
        client.force_login(person)
    return client


def body(answer: Any) -> bytes:
    """The whole answer, streamed or not; its file is closed then."""
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


@dataclass(frozen=True)
class Platform:
    people: dict[str, Person | None]
    organisation: Organisation
    component: Component
    release: Release
    contribution: Contribution
    unreceived: Contribution
    comment: Comment
    build: Build
    artifact: Artifact
    publication: Publication
    token: ApiToken
    flag: Flag

    def client(self, role: str) -> Client:
        return signed_in(self.people[role])

    def status(self, role: str, url: str) -> int:
        """What the page answers to the role, read to its end."""
        answer = self.client(role).get(url)
        body(answer)
        return answer.status_code


@pytest.fixture
def platform(db: None) -> Platform:
    del db
    return make_platform()


@pytest.fixture(scope="module")
def _platform_of_the_file(django_db_setup: None, django_db_blocker: Any) -> Iterator[Platform]:
    """Made once; the transaction around it ends with the file, and each test's own lies within it as a savepoint."""
    del django_db_setup
    with django_db_blocker.unblock(), transaction.atomic():
        yield make_platform()
        transaction.set_rollback(True)


@pytest.fixture
def kept_platform(_platform_of_the_file: Platform, db: None) -> Platform:
    """The same as `platform`, for files of many tests that change little; no test sees what another did to it."""
    del db
    return deepcopy(_platform_of_the_file)


def make_platform() -> Platform:
    """A component with one release and one published contribution by the author, commented on by the member."""
    organisation = factories.make_organisation("Northern Hosting", owner=factories.make_person("owner"))
    author = factories.make_person("author", organisation=organisation)
    member = factories.make_person("member", organisation=factories.make_organisation("Lakeside University"))
    maintainer = factories.make_person("maintainer")
    staff = factories.make_person("staff", is_staff=True, is_superuser=True)
    factories.make_person("suspended", is_active=False)
    component = factories.make_component("swiftclient", maintainers=(maintainer,))
    release = factories.make_release(component, "4.7.0")
    contribution = factories.make_contribution(component=component, author=author, release=release)
    factories.make_fit(contribution.current, release)
    build = factories.make_build(contribution.current, release)
    artifact = factories.make_artifact(build, "swift_client-4.7.0+patchbay.1-py3-none-any.whl")
    factories.make_attestation(build)
    publication = factories.make_publication(build)
    Event.objects.write(
        "published", contribution=contribution, revision=build.revision, release=release, publication=publication
    )
    secret = ApiToken.make_secret()
    token = ApiToken.objects.create(
        person=author, name="nightly", prefix=secret[:8], digest=ApiToken.digest_of(secret), scopes=["read"]
    )
    factories.recompute(contribution)
    return Platform(
        people={"stranger": None, "member": member, "author": author, "maintainer": maintainer, "staff": staff},
        organisation=organisation,
        component=component,
        release=release,
        contribution=contribution,
        unreceived=factories.make_contribution(component=component, author=author, release=release, received=False),
        comment=factories.make_comment(contribution, author=member),
        build=build,
        artifact=artifact,
        publication=publication,
        token=token,
        flag=factories.make_flag(contribution, reporter=member),
    )
