"""A signer that is killed at the worst moment, as a process of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection

from contributions.models import Attestation, Blob, SigningKey
from contributions.pipeline import keyholding
from contributions.pipeline.attesting import queue_attestation
from contributions.tasks import ring
from tests import factories
from tests.worker.conftest import Crew, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.django_db(transaction=True)
WAITS_TO_RECORD = """
    SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'
    AND query LIKE 'UPDATE "contributions_attestation" SET "state" = ''signed''%'
"""


@pytest.fixture
def waiting(settings: Any, tmp_path: Path) -> Attestation:
    """The attestation of a build, queued; the site has its keys where the crew looks for them."""
    settings.KEYS_DIR = tmp_path / "keys"
    keyholding.make_first_keys()
    release = factories.make_release()
    revision = factories.make_revision(factories.make_contribution(component=release.component, received=False))
    build = factories.make_build(revision, release, upstream_commit=release.commit)
    factories.make_artifact(build)
    [queued] = queue_attestation(build)
    return queued


@pytest.fixture
def other() -> Iterator[Any]:
    """A second connection to the database, to hold locks with."""
    held = connection.copy()
    held.set_autocommit(False)
    yield held
    held.rollback()
    held.close()


def lock(held: Any, table: str, pk: int) -> None:
    with held.cursor() as cursor:
        cursor.execute(f"SELECT 1 FROM {table} WHERE id = %s FOR UPDATE", [pk])  # noqa: S608 - our own tables


def count(sql: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return int(cursor.fetchone()[0])


def test_a_signer_killed_between_signing_and_recording_leaves_one_result(
    crew: Crew, waiting: Attestation, other: Any
) -> None:
    lock(other, "contributions_signingkey", SigningKey.objects.get(role="builds").pk)
    first = crew.start_worker()
    ring(waiting)
    wait_for(lambda: Attestation.objects.filter(state="running").exists(), "the signer to take the row")
    second = connection.copy()
    second.set_autocommit(False)
    lock(second, "contributions_attestation", waiting.pk)
    other.rollback()
    wait_for(lambda: count(WAITS_TO_RECORD), "the signer to have signed, and to wait for its row")
    signed_so_far = set(Blob.objects.values_list("pk", flat=True))
    crew.kill(first)
    second.rollback()
    second.close()
    waiting.refresh_from_db()
    assert (waiting.state, waiting.provenance_id) == ("running", None), "nothing was recorded"
    crew.start_beat()
    crew.start_worker()
    wait_for(lambda: Attestation.objects.filter(state="signed").exists(), "the next signer")
    waiting.refresh_from_db()
    assert waiting.attempts == 2
    assert {waiting.provenance_id, waiting.bill_id} <= signed_so_far, "the same bytes as the first one's"
    assert Attestation.objects.count() == 1
