"""A cast of callers, a scene to act on, and a caller that holds every answer against the schema."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from contributions.models import ApiToken, Build, Contribution, Fit, Membership, Person, Release, Webhook
from contributions.pipeline.publishing import publish
from tests import factories
from tests.api.contract import hold_against_schema

if TYPE_CHECKING:
    from django.http import HttpResponse

ROOT = "/api/v1/"
SCOPES = tuple(ApiToken.Scope.values)


def make_token(person: Person, *scopes: str, **given: Any) -> str:
    """A token of the person; returns the secret."""
    secret = ApiToken.make_secret()
    ApiToken.objects.create(
        person=person, name="ci", prefix=secret[:8], digest=ApiToken.digest_of(secret), scopes=list(scopes), **given
    )
    return secret


def make_owned_webhook(person: Person) -> Webhook:
    """A webhook of the person's organisation, with something sent and something fetched; the person owns it."""
    person.memberships.update(role=Membership.Role.OWNER)
    webhook = factories.make_webhook(person.organisation)
    factories.make_delivery(webhook)
    factories.make_download(person.organisation, factories.make_blob())
    return webhook


@dataclass
class Caller:
    """Sends requests as one person (by session or by token) and checks each answer against the schema."""

    person: Person | None = None
    token: str = ""
    client: Client = field(default_factory=Client)

    def __post_init__(self) -> None:
        if self.person is not None and not self.token:
            self.client.force_login(self.person)

    def call(self, method: str, path: str, body: Any = None, **given: Any) -> HttpResponse:
        """`path` is below /api/v1/ unless it begins with a slash or a scheme; `body` is sent as JSON."""
        headers = {"Authorization": f"Token {self.token}"} if self.token else {}
        headers |= given.pop("headers", {})
        if body is not None:
            given = {"data": json.dumps(body), "content_type": "application/json"} | given
        address = path if path.startswith(("/", "http")) else ROOT + path
        response = self.client.generic(method.upper(), address, headers=headers, **given)
        if response.streaming:
            response.whole = response.getvalue()  # a file, which is closed by reading it
        hold_against_schema(method, address, response)
        return response

    def get(self, path: str, **given: Any) -> HttpResponse:
        return self.call("get", path, **given)

    def post(self, path: str, body: Any = None, **given: Any) -> HttpResponse:
        return self.call("post", path, body, **given)

    def put(self, path: str, body: Any = None, **given: Any) -> HttpResponse:
        return self.call("put", path, body, **given)

    def upload(self, path: str, fields: dict[str, Any]) -> HttpResponse:
        """POST a form with files."""
        headers = {"Authorization": f"Token {self.token}"} if self.token else {}
        response = self.client.post(ROOT + path, fields, headers=headers)
        hold_against_schema("post", ROOT + path, response)
        return response

    def listed(self, path: str) -> list[Any]:
        response = self.get(path)
        assert response.status_code == 200, response.content
        return list(response.json()["results"])

    def all_pages(self, path: str) -> list[Any]:
        """Every row, by following `next`."""
        rows, address, seen = [], path, set()
        while address:
            assert address not in seen, "the pages go round in a circle"
            seen.add(address)
            page = self.get(address).json()
            rows += page["results"]
            address = page["next"]
        return rows


@dataclass
class Scene:
    """One component with a release, and a contribution that went all the way on it."""

    release: Release
    contribution: Contribution
    maintainer: Person
    build: Build

    @property
    def one(self) -> str:
        return f"contributions/{self.contribution.pk}/"

    @property
    def author(self) -> Person:
        return self.contribution.author

    def tokened(self, person: Person, *scopes: str) -> Caller:
        return Caller(person, make_token(person, *(scopes or SCOPES)))


@pytest.fixture
def stranger() -> Caller:
    return Caller()


@pytest.fixture
def scene(db: None) -> Scene:
    del db
    maintainer = factories.make_person()
    component = factories.make_component("swiftclient", maintainers=(maintainer,))
    release = factories.make_release(component, "4.7.0")
    author = factories.make_person(organisation=factories.make_organisation())
    contribution = factories.make_contribution(
        release=release, author=author, organisation=author.organisation, description="Waits *longer*."
    )
    factories.make_fit(contribution.current, release, state=Fit.State.APPLIES)
    build = factories.make_build(contribution.current, release)
    factories.make_artifact(build)
    factories.recompute(contribution)
    return Scene(release, contribution, maintainer, build)


@pytest.fixture
def published(scene: Scene, settings: Any) -> Scene:
    """The scene with its build in the feed; nothing else is built of it unless a test asks."""
    settings.REPEAT_BUILDS = "asked"
    scene.contribution.move(Contribution.State.APPROVED)
    assert publish(scene.contribution.pk)
    return scene


@pytest.fixture
def member(scene: Scene) -> Caller:
    """Somebody of another organisation, with a token that may do everything that person may."""
    del scene
    person = factories.make_person(organisation=factories.make_organisation())
    return Caller(person, make_token(person, *SCOPES))
