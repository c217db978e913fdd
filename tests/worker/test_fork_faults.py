"""A worker that is killed while it takes a fork apart, or drafts it: nothing is lost, nothing is there twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db import transaction
from django.db.models import Count

from contributions.models import Contribution, Event, Fork, Revision
from contributions.tasks import ring
from tests.forks.conftest import (
    fork as fork,
    make_fork,
)
from tests.platform import SONG

from .conftest import Crew, wait_for

if TYPE_CHECKING:
    from contributions.models import Component, Person
    from tests.platform import Upstream

pytestmark = pytest.mark.django_db(transaction=True)
PATCHES = 16


@pytest.fixture
def waiting(component: Component, author: Person, fork: Upstream) -> Fork:
    for number in range(PATCHES // 2):
        fork.commit(f"Say {number}", **{f"said{number}__txt": f"{number}\n"})
        fork.commit(f"Sing {number}", song__txt=SONG + "".join(f"verse {31 + more}\n" for more in range(number + 1)))
    return make_fork(component, author, fork)


def test_killed_in_the_middle_of_both_it_goes_on_by_itself(crew: Crew, waiting: Fork) -> None:
    rows = Fork.objects.filter(pk=waiting.pk)
    crew.start_beat()
    worker = crew.start_worker()
    ring(waiting)
    wait_for(lambda: rows.exclude(commit_count=0).exists(), "its commits to be read")
    with transaction.atomic():
        assert rows.select_for_update().get().state == "running", (
            "the control: the worker waits to say what it does next"
        )
        crew.kill(worker)
    assert not waiting.carried.exists()
    worker = crew.start_worker()
    wait_for(lambda: waiting.carried.count() >= 3, "some patches")
    with transaction.atomic():
        rows.select_for_update().get()
        written = set(waiting.carried.values_list("key", "contribution"))
        crew.kill(worker)
    assert 3 <= len(written) < PATCHES, "the control: it was killed in the middle"
    crew.start_worker()
    wait_for(lambda: rows.filter(state="done").exists(), "the fork to be taken apart", 180)
    received = Revision.objects.filter(contribution__carried__fork=waiting, state="received")
    wait_for(lambda: received.count() == PATCHES, "the drafts to be received", 180)
    assert set(waiting.carried.values_list("key", "contribution")) >= written, "what was written was not begun again"
    assert waiting.carried.order_by("position").values_list("position", flat=True)[PATCHES - 1] == PATCHES
    assert (waiting.carried.count(), Contribution.objects.count(), Revision.objects.count()) == (PATCHES,) * 3
    told = Event.objects.filter(verb=Event.Verb.UNMASKED).exclude(contribution=None).order_by().values("contribution")
    assert list(told.annotate(times=Count("pk")).values_list("times", flat=True)) == [1] * PATCHES
