"""Workers, brokers and leases that end in the middle: nothing is lost, recorded twice or left running."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from contributions.actions.sources import PatchFile
from contributions.actions.submitting import submit
from contributions.models import Attestation, Build, Component, Contribution, Event, Fit, Person, Recipe, Revision
from contributions.tasks import build as build_doorbell, ring
from tests.platform import SONG_MENDED, Upstream

from .conftest import Crew, wait_for

if TYPE_CHECKING:
    from contributions.models.work import Work

pytestmark = pytest.mark.django_db(transaction=True)
SLEEP = f"6.{os.getpid() % 9_000 + 1_000}"  # seconds, so odd that no other process has it
SLOW = f"echo begun; sleep {SLEEP}; mkdir dist; cp song.txt dist/song-$VERSION.txt"
OVER = ("passed", "failed", "timed-out", "errored")


@pytest.fixture
def patch(upstream: Upstream) -> bytes:
    return upstream.patch("1.0", "Count to fifteen in words", song__txt=SONG_MENDED)


def share(author: Person, component: Component, patch: bytes) -> Contribution:
    return submit(
        author=author,
        component=component,
        kind="refinement",
        title="Count to fifteen in words",
        release=component.releases.get(name="1.0"),
        source=PatchFile(SimpleUploadedFile("0001.patch", patch)),
    )


def one_release(component: Component) -> None:
    component.releases.exclude(name="1.0").update(state="retired")


@pytest.fixture
def slow_recipe(component: Component, recipe: Recipe) -> Recipe:
    """One release, and a build that can be met in the middle."""
    component.releases.exclude(name="1.0").update(state="retired")
    recipe.build = SLOW
    recipe.save()
    return recipe


def fresh(row: Any) -> Any:
    row.refresh_from_db()
    return row


def is_over(row: Work) -> bool:
    return bool(fresh(row).is_over)


def running_build(attempt: int = 1) -> Build:
    def begun() -> Build | None:
        build = Build.objects.filter(state="running", attempts=attempt).first()
        return build if build and build.log_pieces.filter(attempt=attempt).exists() else None

    return wait_for(begun, "a build to be running and to have said something")


def sandboxes() -> list[psutil.Process]:
    """Processes of a build that is at its slow step."""
    everything = psutil.process_iter(["cmdline"])
    return [process for process in everything if process.info["cmdline"] == ["sleep", SLEEP]]


def test_a_patch_goes_all_the_way_by_itself(
    crew: Crew, author: Person, component: Component, recipe: Recipe, patch: bytes
) -> None:
    assert recipe
    crew.start_worker()
    contribution = share(author, component, patch)
    wait_for(lambda: Build.objects.filter(state="passed").count() == 2, "two green builds")
    states = dict(Fit.objects.filter(revision__contribution=contribution).values_list("release__name", "state"))
    assert states == {"1.0": "applies", "2.0": "applies", "3.0": "upstream", "4.0": "upstream"}
    assert fresh(contribution).green_count == 2
    wait_for(lambda: Attestation.objects.filter(state="signed").count() == 2, "both builds to be signed")


@pytest.mark.attack("F02")
@pytest.mark.usefixtures("slow_recipe")
def test_a_worker_killed_in_the_middle_of_a_build_leaves_one_result_and_nothing_running(
    crew: Crew, author: Person, component: Component, patch: bytes
) -> None:
    crew.start_beat()
    first = crew.start_worker()
    share(author, component, patch)
    build = running_build()
    assert sandboxes(), "the build runs, so that the next check means something"
    crew.kill(first)
    wait_for(lambda: not sandboxes(), "the killed worker's build to end", seconds=2)
    assert fresh(build).state == "running", "nobody has told of it yet"
    crew.start_worker()
    wait_for(lambda: is_over(build), "the build to be over")
    assert (build.state, build.attempts) == ("passed", 2)
    assert Build.objects.count() == 1
    assert build.artifacts.count() == 1
    assert Event.objects.filter(verb=Event.Verb.BUILT, build=build).count() == 1
    assert build.read_log().count(b"begun") == 1, "the log is that of the attempt that counts"


@pytest.mark.attack("F01")
@pytest.mark.usefixtures("slow_recipe")
def test_a_child_killed_in_the_middle_of_a_build_is_tried_again(
    crew: Crew, author: Person, component: Component, patch: bytes
) -> None:
    crew.start_beat()
    worker = crew.start_worker()
    share(author, component, patch)
    build = running_build()
    children = psutil.Process(worker.pid).children()
    for child in children:
        os.kill(child.pid, signal.SIGKILL)
    wait_for(lambda: is_over(build), "the build to be over")
    assert (build.state, Build.objects.count()) == ("passed", 1)


@pytest.mark.usefixtures("slow_recipe")
def test_a_build_that_kills_its_worker_each_time_is_given_up(
    crew: Crew, author: Person, component: Component, patch: bytes
) -> None:
    crew.start_beat()
    share(author, component, patch)
    for attempt in (1, 2, 3):
        worker = crew.start_worker()
        build = running_build(attempt)
        crew.kill(worker)
    crew.start_worker()
    wait_for(lambda: is_over(build), "the build to be over")
    assert (build.state, build.attempts) == ("errored", 3)
    assert "3 times" in build.sentence


@pytest.mark.attack("F05")
def test_a_broker_that_comes_back_empty_loses_no_submission(
    crew: Crew, author: Person, component: Component, recipe: Recipe, patch: bytes
) -> None:
    assert recipe
    one_release(component)
    contributions = [share(author, component, patch) for _ in range(3)]
    crew.valkey.stop()
    for kept in crew.valkey.data.rglob("*"):
        if kept.is_file():
            kept.unlink()
    during = share(author, component, patch)
    crew.valkey.ensure()
    crew.start_beat()
    crew.start_worker()
    everything = [*contributions, during]
    wait_for(lambda: Build.objects.filter(state="passed").count() == len(everything), "every build to pass")
    assert Revision.objects.filter(state="received").count() == len(everything)
    assert Build.objects.count() == len(everything)


@pytest.mark.attack("F06")
def test_a_submission_is_taken_at_once_while_the_broker_is_away(
    crew: Crew, author: Person, component: Component, patch: bytes
) -> None:
    crew.valkey.stop()
    begun = time.monotonic()
    share(author, component, patch)
    assert time.monotonic() - begun < 10
    assert Revision.objects.get().state == "queued"


def test_a_doorbell_rung_many_times_builds_once(
    crew: Crew, author: Person, component: Component, recipe: Recipe, patch: bytes
) -> None:
    assert recipe
    one_release(component)
    share(author, component, patch)
    crew.start_worker()
    wait_for(Build.objects.filter(state="passed").exists, "the build to pass")
    build = Build.objects.get()
    for _ in range(5):
        ring(build)
    build_doorbell.apply_async((build.pk,))
    other = share(author, component, patch)
    wait_for(lambda: fresh(other).green_count == 1, "the next build to pass")
    assert fresh(build).attempts == 1
    assert Event.objects.filter(verb=Event.Verb.BUILT, build=build).count() == 1


@pytest.mark.usefixtures("slow_recipe")
def test_a_frozen_worker_that_wakes_after_its_lease_is_not_heard(
    crew: Crew, author: Person, component: Component, patch: bytes
) -> None:
    crew.start_beat()
    frozen = crew.start_worker()
    share(author, component, patch)
    build = running_build()
    family = [psutil.Process(frozen.pid), *psutil.Process(frozen.pid).children(recursive=True)]
    for process in family:
        process.suspend()
    crew.start_worker()
    wait_for(lambda: is_over(build), "another worker to build it")
    for process in family:
        if process.is_running():
            process.resume()
    time.sleep(3)
    assert (fresh(build).state, build.attempts) == ("passed", 2)
    assert Event.objects.filter(verb=Event.Verb.BUILT, build=build).count() == 1


def test_garbage_in_the_queue_is_not_taken_for_work(
    crew: Crew, author: Person, component: Component, patch: bytes
) -> None:
    one_release(component)
    crew.start_worker()
    build_doorbell.apply_async(("not a key",))
    build_doorbell.apply_async((10**30,))
    contribution = share(author, component, patch)
    wait_for(lambda: fresh(contribution).fit_count == 1, "the next patch to be judged")
