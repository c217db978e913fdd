from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from contributions.models import Attestation
from tests import factories
from tests.api.conftest import Caller

if TYPE_CHECKING:
    from tests.api.conftest import Scene

pytestmark = pytest.mark.django_db


def sworn(scene: Scene) -> dict[str, dict[str, str]]:
    attestation, here = scene.build.attestation, f"http://testserver/builds/{scene.build.pk}/"
    return {
        "provenance": {"url": f"{here}provenance.json", "sha256": attestation.provenance_id},
        "bill": {"url": f"{here}bom.json", "sha256": attestation.bill_id},
    }


@pytest.mark.parametrize("shape", ["builds/", "publications/", "feed/"])
def test_lists_name_what_is_signed_by_address_and_digest(published: Scene, shape: str) -> None:
    assert {name: Caller().listed(shape)[0][name] for name in ("provenance", "bill")} == {
        "provenance": None,
        "bill": None,
    }
    factories.make_attestation(published.build)
    [row] = Caller().listed(shape)
    assert {name: row[name] for name in ("provenance", "bill")} == sworn(published)


def test_a_build_tells_how_far_its_signature_is(scene: Scene) -> None:
    one = f"builds/{scene.build.pk}/"
    assert Caller().get(one).json()["attestation"] is None
    waiting = factories.make_attestation(scene.build, state="queued", sentence="The key is not here.")
    shown = Caller().get(one).json()
    assert (shown["attestation"]["state"], shown["attestation"]["sentence"]) == ("queued", "The key is not here.")
    assert shown["provenance"] is None
    waiting.delete()
    signed = factories.make_attestation(scene.build)
    assert Caller().get(one).json()["attestation"]["key"] == signed.key.keyid


def test_a_reader_of_the_feed_hears_that_a_build_was_signed_and_that_its_key_was_revoked(published: Scene) -> None:
    tags = [Caller().get("feed/").headers["ETag"]]
    attestation = factories.make_attestation(published.build)
    tags.append(Caller().get("feed/").headers["ETag"])
    assert Caller().get("feed/", headers={"If-None-Match": tags[-1]}).status_code == 304
    Attestation.objects.all().queue_again()
    tags.append(Caller().get("feed/").headers["ETag"])
    attestation.delete()
    factories.make_attestation(published.build)
    tags.append(Caller().get("feed/").headers["ETag"])
    assert tags[0] == tags[2], "as if it had never been signed"
    assert len(set(tags)) == 3


def test_keys_are_listed_newest_first_with_their_states() -> None:
    now = timezone.now()
    revoked = factories.make_signing_key(revoked_at=now, reason="Lost.")
    retired = factories.make_signing_key(retired_at=now)
    current = factories.make_signing_key()
    factories.make_signing_key("history")
    rows = Caller().listed("keys/?role=builds")
    assert [(row["keyid"], row["state"]) for row in rows] == [
        (current.keyid, "current"),
        (retired.keyid, "retired"),
        (revoked.keyid, "revoked"),
    ]
    assert rows[0]["pem"].startswith("-----BEGIN PUBLIC KEY-----")
    assert rows[0]["pem_url"] == f"http://testserver/keys/{current.keyid}.pem"
    assert len(Caller().listed("keys/")) == 4
    assert Caller().get("keys/?role=nonsense").status_code == 400
