from __future__ import annotations

import os
import signal
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.utils import timezone
from kombu.exceptions import OperationalError

from portal.celery import app
from portal.heartbeat import FORGOTTEN_AFTER, GONE_AFTER, note
from portal.models import WorkerSeen
from portal.services.valkey import Valkey

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from django.test import Client
    from pytest_django.fixtures import SettingsWrapper

pytestmark = pytest.mark.django_db


@pytest.fixture
def broker() -> Iterator[Valkey]:
    here = Valkey(settings.VAR_DIR)
    here.ensure()
    yield here
    here.stop()


def see_worker(name: str, queues: list[str], *, age: timedelta = timedelta(0)) -> None:
    WorkerSeen.objects.create(name=name, queues=queues, seen_at=timezone.now() - age)


def test_a_living_process_says_so(client: Client) -> None:
    answer = client.get("/healthz")
    assert answer.content == b"ok\n"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.skipif(not settings.BROKER_IS_EMBEDDED, reason="the broker is another's to start and stop")
def test_a_site_with_all_its_parts_is_ready(client: Client, broker: Valkey) -> None:
    assert broker.answers()
    see_worker("worker@a", ["receive", "fit", "deliver"])
    see_worker("builder@b", ["builds"])
    see_worker("signer@b", ["sign"])
    answer = client.get("/readyz")
    assert answer.status_code == 200
    told = answer.json()
    assert told.pop("index") == "nothing is signed yet; manage.py keys root makes a root"
    assert told.pop("sandbox") == "no builder has proven its sandbox yet"
    assert told.pop("signatures") == "ok"
    assert told == {"ready": True, "database": "ok", "broker": "ok", "worker": "ok", "storage": "ok"}


def test_a_queue_that_no_living_worker_serves_is_named(client: Client) -> None:
    see_worker("worker@a", ["receive", "fit", "sign", "deliver"])
    see_worker("builder@b", ["builds"], age=GONE_AFTER * 2)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["worker"] == "none seen lately for builds"
    assert answer.json()["ready"] is False


@pytest.mark.skipif(not settings.BROKER_IS_EMBEDDED, reason="the broker is another's to start and stop")
def test_a_broker_that_is_away_is_told(client: Client) -> None:
    begun = time.monotonic()
    assert client.get("/readyz").json()["broker"] == "down"
    assert time.monotonic() - begun < 8


def test_a_storage_that_takes_no_files_is_told(client: Client, settings: SettingsWrapper, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings.MEDIA_ROOT = tmp_path / "file"
    assert client.get("/readyz").json()["storage"] == "down"


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_lives_is_seen_and_one_long_gone_is_forgotten() -> None:
    see_worker("gone@a", ["fit"], age=FORGOTTEN_AFTER * 2)
    note("worker@a", ["receive"])
    note("worker@a", ["receive", "fit"])
    seen = WorkerSeen.objects.get()
    assert (seen.name, seen.queues) == ("worker@a", ["receive", "fit"])
    assert timezone.now() - seen.seen_at < timedelta(seconds=10)


@pytest.mark.skipif(not settings.BROKER_IS_EMBEDDED, reason="the broker is another's to start and stop")
@pytest.mark.parametrize("fault", ["stopped", "frozen"])
def test_ringing_for_a_worker_never_keeps_a_page_waiting(broker: Valkey, fault: str) -> None:
    pid = broker.processes()[0]
    if fault == "stopped":
        broker.stop()
    else:
        os.kill(pid, signal.SIGSTOP)
    try:
        for _ in range(2):
            begun = time.monotonic()
            with pytest.raises(OperationalError):
                app.send_task("contributions.tasks.sweep")
            assert time.monotonic() - begun < 8
    finally:
        if fault == "frozen":
            os.kill(pid, signal.SIGCONT)
    broker.ensure()
    app.send_task("contributions.tasks.sweep")
