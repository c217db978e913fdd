from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from contributions.models import ApiToken
from tests.api.conftest import Caller, make_token

if TYPE_CHECKING:
    from tests.api.conftest import Scene

pytestmark = pytest.mark.django_db
LONG_AGO = timezone.now() - timedelta(days=1)


@pytest.mark.attack("T10")
def test_me_tells_what_the_token_may_do(scene: Scene) -> None:
    me = scene.tokened(scene.author, "read", "write").get("me/").json()
    assert me["username"] == scene.author.username
    assert me["organisation"] == scene.author.organisation.slug
    assert me["token"]["scopes"] == ["read", "write"]
    assert Caller(scene.maintainer).get("me/").json()["maintains"] == ["swiftclient"]
    assert Caller(scene.maintainer).get("me/").json()["token"] is None


ENDS = ["revoked_at", "expires_at"]


@pytest.mark.attack("T10")
def test_a_revoked_or_expired_token_is_refused_at_once(scene: Scene, subtests: pytest.Subtests) -> None:
    for end in ENDS:
        with subtests.test(end=str(end)[:40]):
            caller = scene.tokened(scene.author)
            assert caller.get("me/").status_code == 200
            ApiToken.objects.update(**{end: LONG_AGO})
            for path in ("me/", "feed/", scene.one):
                response = caller.get(path)
                assert response.status_code == 401
                assert response.headers["WWW-Authenticate"] == "Token"
            assert caller.put(scene.one + "vote/", {"value": 1}).status_code == 401


def test_the_token_of_a_closed_account_is_refused(scene: Scene) -> None:
    caller = scene.tokened(scene.author)
    scene.author.is_active = False
    scene.author.save()
    assert caller.get("me/").status_code == 401


UNKNOWN = ["", "pb_", "nonsense", "pb_" + "x" * 5000, "pb_\xff\xfe", "a b c"]


def test_an_unknown_token_is_a_problem_not_a_fault(scene: Scene, subtests: pytest.Subtests) -> None:
    del scene
    for secret in UNKNOWN:
        with subtests.test(secret=str(secret)[:40]):
            response = Caller(token="x").get("feed/", headers={"Authorization": f"Token {secret}"})
            assert response.status_code == 401
            assert "unknown" in response.json()["detail"]


def test_other_schemes_are_strangers(scene: Scene) -> None:
    caller = Caller(token="x")
    assert caller.get("feed/", headers={"Authorization": "Basic YTpi"}).status_code == 200
    assert caller.put(scene.one + "vote/", {"value": 1}, headers={"Authorization": "Basic YTpi"}).status_code == 401


def test_the_word_token_may_be_written_in_any_case(scene: Scene) -> None:
    secret = make_token(scene.author, "read")
    assert Caller().get("me/", headers={"Authorization": f"token {secret}"}).status_code == 200


def test_the_use_of_a_token_is_noted(scene: Scene) -> None:
    caller = scene.tokened(scene.author)
    assert ApiToken.objects.get().last_used_at is None
    caller.get("feed/")
    assert ApiToken.objects.get().last_used_at is not None


@pytest.mark.attack("T10")
def test_the_secret_is_nowhere_in_the_database(scene: Scene) -> None:
    secret = make_token(scene.author, "read")
    row = ApiToken.objects.values().get()
    assert secret not in str(row)
    assert secret[12:] not in str(row)
