"""Two workers that publish drafts of one fork at once: each becomes public once, the earlier ones first."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest
from django.db import connection, transaction

from contributions.actions import unmasking
from contributions.models import Carried, Event, Fork
from contributions.pipeline.unveiling_forks import unveil_some
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)

if TYPE_CHECKING:
    from contributions.models import Person


@pytest.fixture
def author() -> Person:
    return factories.make_person(organisation=factories.make_organisation())


@pytest.fixture
def chain(author: Person) -> Fork:
    """Four drafts, each of which stands on the one before."""
    fork = factories.make_fork(author)
    for _ in range(3):
        factories.make_carried(fork, needs=[fork.carried.filter(state="drafted").latest("position").key])
    return fork


def publish_beside(fork: Fork) -> threading.Thread:
    def work() -> None:
        try:
            unveil_some(fork.pk)
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_a_second_worker_waits_for_what_the_next_draft_stands_on(author: Person, chain: Fork) -> None:
    unmasking.publish(person=author, fork=chain)
    with transaction.atomic():
        Carried.objects.select_for_update().get(fork=chain, position=1)  # as by a worker that makes it public
        second = publish_beside(chain)
        time.sleep(1)
    second.join(60)
    rows = Carried.objects.filter(fork=chain, state="drafted").order_by("position")
    assert [(row.is_draft, row.sentence) for row in rows] == [(False, "")] * 4


def test_of_two_workers_each_draft_is_made_public_once(author: Person, chain: Fork) -> None:
    unmasking.publish(person=author, fork=chain)
    workers = [publish_beside(chain) for _ in range(3)]
    for worker in workers:
        worker.join(60)
    unveil_some(chain.pk)
    rows = Carried.objects.filter(fork=chain, state="drafted").order_by("position")
    assert [(row.is_draft, row.sentence) for row in rows] == [(False, "")] * 4
    told = Event.objects.filter(verb="shared").order_by("pk").values_list("contribution", flat=True)
    assert list(told) == [row.contribution_id for row in rows]
