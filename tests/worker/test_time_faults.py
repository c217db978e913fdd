"""A worker's clock jumps, a shutdown comes in the middle, two clocks sweep at once: no build suffers."""

from __future__ import annotations

import os
import re
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from contributions.models import Build, Component, Event, Fit, Person, Recipe

from .conftest import Crew, wait_for
from .test_faults import fresh, is_over, one_release, patch, running_build, sandboxes, share, slow_recipe  # noqa: F401

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.django_db(transaction=True)
FAKETIME = next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)
STAMP = re.compile(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),\d+ INFO", re.MULTILINE)


def logged_times(crew: Crew) -> Iterator[datetime]:
    for stamp in STAMP.findall(crew.log.read_text()):
        yield datetime.strptime(stamp, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)


@pytest.mark.skipif(
    FAKETIME is None or "CLOCKS" not in os.environ,
    reason="libfaketime stalls a starting worker now and then; with Debian's faketime, CLOCKS=1 asks for this test.",
)
@pytest.mark.parametrize("hours", [2, -2])
@pytest.mark.usefixtures("slow_recipe")
def test_a_clock_that_jumps_in_the_middle_of_a_build_changes_nothing(
    crew: Crew,
    author: Person,
    component: Component,
    patch: bytes,  # noqa: F811
    tmp_path: Path,
    hours: int,
) -> None:
    clock = tmp_path / "clock"
    crew.start_beat()
    clock.write_text("+0")
    crew.environment |= {
        "LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }  # fmt: skip
    crew.start_worker()
    crew.start_worker()
    share(author, component, patch)
    build = running_build()
    clock.write_text(f"{hours:+}h")
    wait_for(lambda: is_over(build), "the build to be over")
    far = timedelta(hours=1)
    assert any(abs(at - datetime.now(UTC)) > far for at in logged_times(crew)), "the clock did jump"
    assert (build.state, build.attempts) == ("passed", 1)
    assert 5 < build.seconds < 600, "times are the database's"
    assert Event.objects.filter(verb=Event.Verb.BUILT, build=build).count() == 1


@pytest.mark.attack("F15")
@pytest.mark.parametrize("manner", ["soft", "warm"])
@pytest.mark.usefixtures("slow_recipe")
def test_a_shutdown_in_the_middle_of_a_build_finishes_it_or_hands_it_back(
    crew: Crew,
    author: Person,
    component: Component,
    patch: bytes,  # noqa: F811
    manner: str,
) -> None:
    """Soft is how `manage.py run` and compose stop a worker: four seconds, and the build takes six."""
    if manner == "soft":
        crew.environment["REMAP_SIGTERM"] = "SIGQUIT"
    worker = crew.start_worker()
    share(author, component, patch)
    build = running_build()
    os.kill(worker.pid, signal.SIGTERM)
    worker.wait(20)
    wait_for(lambda: not sandboxes(), "the build to end with its worker", seconds=2)
    if manner == "warm":
        assert (fresh(build).state, build.attempts) == ("passed", 1)
        return
    assert not fresh(build).is_over
    crew.start_beat()
    crew.start_worker()
    wait_for(lambda: is_over(build), "another worker to build it")
    assert (build.state, build.attempts) == ("passed", 2)
    assert Event.objects.filter(verb=Event.Verb.BUILT, build=build).count() == 1


@pytest.mark.attack("F16")
def test_two_sweepers_and_two_workers_do_nothing_twice(
    crew: Crew,
    author: Person,
    component: Component,
    recipe: Recipe,
    patch: bytes,  # noqa: F811
) -> None:
    assert recipe
    one_release(component)
    crew.valkey.stop()  # every doorbell is lost, so that all is found by sweeping
    contributions = [share(author, component, patch) for _ in range(4)]
    crew.valkey.ensure()
    for start in (crew.start_beat, crew.start_beat, crew.start_worker, crew.start_worker):
        start()
    wait_for(lambda: Build.objects.filter(state="passed").count() == len(contributions), "every build to pass")
    assert Build.objects.count() == Fit.objects.count() == len(contributions)
    assert set(Build.objects.values_list("attempts", flat=True)) == {1}
    assert Event.objects.filter(verb=Event.Verb.BUILT).count() == len(contributions)
