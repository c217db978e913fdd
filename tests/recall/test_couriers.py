"""Real couriers, killed while they deliver, and a broker that is away: at least once, under one number, and in time."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from contributions.actions.hooking import add_webhook
from contributions.actions.quarantining import quarantine
from contributions.models import Delivery, Membership
from tests import factories
from tests.recall.servers import Receiver, receiving
from tests.worker.conftest import wait_for

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from tests.pages.conftest import Platform
    from tests.worker.conftest import Crew

pytestmark = pytest.mark.django_db(transaction=True)


class Holding(Receiver):
    """Keeps its first caller waiting until it is told to go on."""

    gate = threading.Event()

    def next_status(self) -> int:
        if len(self.got) == 1:
            self.gate.wait(30)
        return 204


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.ALLOW_PRIVATE_WEBHOOKS = True
    with receiving(kind=Holding) as made:
        yield made
        Holding.gate.set()


def start_courier(crew: Crew) -> subprocess.Popen[bytes]:
    crew.environment["PATCHBAY_ALLOW_PRIVATE_WEBHOOKS"] = "1"
    quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "INFO")
    queues = ("--queues", "deliver,receive", "--pool", "threads", "--concurrency", "2")
    return crew.start("worker", *queues, *quiet)


def listen(platform: Platform, receiver: Receiver) -> None:
    owner = platform.organisation.memberships.get(role=Membership.Role.OWNER).person
    factories.make_download(platform.organisation, platform.artifact.blob)
    add_webhook(person=owner, organisation=platform.organisation, url=receiver.url, topics=["recalls"])


def recall(platform: Platform) -> None:
    staff: Any = platform.people["staff"]
    quarantine(person=staff, contribution=platform.contribution, reason="It loses data.")


def is_sent() -> bool:
    return Delivery.objects.get().state == Delivery.State.SENT


def test_a_courier_killed_in_the_middle_is_followed_by_one_who_delivers_again(
    platform: Platform, crew: Crew, receiver: Receiver
) -> None:
    listen(platform, receiver)
    first = start_courier(crew)
    crew.start_beat()
    recall(platform)
    wait_for(lambda: len(receiver.got) == 1, "the first delivery")
    crew.kill(first)
    assert Delivery.objects.get().state == Delivery.State.RUNNING
    start_courier(crew)
    wait_for(is_sent, "the second delivery")
    Holding.gate.set()
    assert len(receiver.got) == 2
    assert len({(got.headers["Patchbay-Delivery"], got.body) for got in receiver.got}) == 1


def test_a_recall_waits_for_no_broker_and_is_delivered_when_it_is_back(
    platform: Platform, crew: Crew, receiver: Receiver
) -> None:
    Holding.gate.set()
    listen(platform, receiver)
    crew.valkey.stop()
    began = time.monotonic()
    recall(platform)
    assert time.monotonic() - began < 10
    assert Delivery.objects.get().state == Delivery.State.QUEUED
    crew.valkey.ensure()
    start_courier(crew)
    crew.start_beat()
    wait_for(is_sent, "the delivery")
    assert len(receiver.got) == 1
