"""Upstream by the clock: when it is pulled, what becomes a release, where it stands, and what is told of oddities."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from contributions.models import Build, Component, Event, Fit, Recipe, Release, UpstreamFetch
from contributions.models.baseline import compared
from contributions.models.watch import watched
from contributions.pipeline import finding_releases
from contributions.pipeline.baselining import queue_missing
from contributions.pipeline.building import build
from contributions.pipeline.fetching import fetch
from contributions.pipeline.fitting import fit
from contributions.pipeline.moving import queue_due_builds
from contributions.pipeline.watching import queue_due
from tests.factories import make_commit_id, make_component, make_release
from tests.platform import SHOUT, SONG, SONG_REWRITTEN

if TYPE_CHECKING:
    from collections.abc import Callable

    from contributions.models import Revision
    from tests.platform import Upstream

pytestmark = pytest.mark.django_db
NOW = timezone.now()


def pull(component: Component) -> UpstreamFetch:
    row = UpstreamFetch.objects.create(component=component)
    fetch(row.pk)
    row.refresh_from_db()
    return row


def names(component: Component, **asked: Any) -> list[str]:
    return list(component.releases.filter(**asked).order_by("position").values_list("name", flat=True))


def tag(upstream: Upstream, *given: str) -> None:
    for name in given:
        upstream.commit(f"Work on {name}", notes__txt=f"{name}\n")
        upstream.git("tag", "-a", name, "-m", name)


def ended(component: Component, state: str, ago: timedelta) -> None:
    UpstreamFetch.objects.create(component=component, state=state, finished_at=NOW - ago)


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("states", "minutes", "pause"),
    [
        (["done"], 60, HOUR),
        (["done", "errored"], 60, 2 * HOUR),
        (["done", "refused", "errored", "errored"], 60, 8 * HOUR),
        (["errored"] * 20, 60, 24 * HOUR),
        (["errored", "done"], 60, HOUR),
        (["errored"] * 9, 10_080, 168 * HOUR),
    ],
)
def test_an_upstream_is_pulled_every_so_often_and_less_often_while_it_fails(
    states: list[str], minutes: int, pause: timedelta
) -> None:
    component = make_component(watch_minutes=minutes)
    for state in states:
        ended(component, state, timedelta())
    (watch,) = watched()
    assert watch.due_at is not None
    assert pause <= watch.due_at - NOW <= pause * 1.11
    assert not queue_due(watch.due_at - timedelta(seconds=1))
    (row,) = queue_due(watch.due_at)
    assert row.component == component
    assert not queue_due(watch.due_at + 100 * HOUR), "it waits already"


def test_nobody_pulls_by_the_clock_what_only_people_pull_or_nobody_ever_did() -> None:
    ended(make_component(watch_minutes=0), "done", 100 * HOUR)
    make_component()
    assert not queue_due(NOW + 100 * HOUR)


def test_only_some_are_pulled_at_once_the_longest_due_first() -> None:
    components = [make_component() for _ in range(8)]
    for number, component in enumerate(components):
        ended(component, "done", (number + 2) * HOUR)
    assert [row.component for row in queue_due(NOW)] == components[:2:-1]
    assert len(queue_due(NOW)) == 3


def test_of_a_component_one_pull_runs_at_a_time(component: Component) -> None:
    running = UpstreamFetch.objects.create(component=component, state="running", lease_until=NOW + HOUR)
    row = pull(component)
    assert row.state == "queued"
    UpstreamFetch.objects.filter(pk=running.pk).update(state="done")
    fetch(row.pk)
    row.refresh_from_db()
    assert row.state == "done"


def test_a_late_stable_release_stands_where_its_version_belongs(component: Component, upstream: Upstream) -> None:
    Release.objects.filter(name="2.0").update(position=20)
    Release.objects.filter(name="3.0").update(position=21)
    Release.objects.filter(name="4.0").update(position=40)
    component.release_pattern = r"\d+\.\d+(\.\d+)?|main"
    component.save()
    tag(upstream, "3.5", "2.0.1", "2.0.2", "0.9", "10.0")
    pull(component)
    assert names(component) == ["0.9", "1.0", "2.0", "2.0.1", "2.0.2", "3.0", "3.5", "4.0", "10.0", "main"]
    assert Release.objects.get(name="2.0").position == 20
    assert Release.objects.get(name="4.0").position == 40, "where there is room nobody moves"
    tag(upstream, "11.0")
    pull(component)
    assert names(component)[-2:] == ["11.0", "main"]


def test_the_order_that_staff_chose_stays(component: Component, upstream: Upstream) -> None:
    Release.objects.filter(name="1.0").update(position=9)
    tag(upstream, "3.5")
    pull(component)
    assert names(component) == ["2.0", "3.0", "3.5", "4.0", "1.0"]


def test_candidates_become_releases_and_go_when_something_newer_is_there(
    component: Component, upstream: Upstream
) -> None:
    tag(upstream, "5.0rc1")
    pull(component)
    assert names(component, is_candidate=True) == ["5.0rc1"]
    tag(upstream, "5.0rc2")
    assert "Retired, as upstream has something newer: 5.0rc1." in pull(component).sentence
    tag(upstream, "5.0", "6.0b1")
    pull(component)
    assert names(component) == ["1.0", "2.0", "3.0", "4.0", "5.0rc1", "5.0rc2", "5.0", "6.0b1"]
    assert names(component, state="supported", is_candidate=True) == ["6.0b1"]
    told = Event.objects.filter(verb="ruled", release__name="5.0rc2").get()
    assert (told.actor, told.text) == (None, "5.0rc2 is retired: upstream has something newer than this candidate.")
    tag(upstream, "7.0")
    pull(component)
    assert names(component, state="supported", is_candidate=True) == [], "upstream went on without 6.0"


def test_candidates_of_long_ago_never_become_releases(component: Component, upstream: Upstream) -> None:
    for name in ("4.0rc1", "3.5rc1"):
        upstream.git("tag", name, "1.0^{}")
    component.candidate_pattern = ""
    component.save()
    tag(upstream, "5.0rc1")
    pull(component)
    assert names(component) == ["1.0", "2.0", "3.0", "4.0"]
    component.candidate_pattern = r".*rc\d"
    component.save()
    pull(component)
    assert names(component, is_candidate=True) == ["5.0rc1"]


def test_a_branch_that_vanishes_or_is_rewritten_is_told_once_and_stays_or_follows(
    component: Component, upstream: Upstream
) -> None:
    component.release_pattern = r"\d+\.\d+|stable"
    component.save()
    upstream.git("branch", "stable")
    pull(component)
    before = Release.objects.get(name="stable").commit
    upstream.git("branch", "-f", "stable", "2.0^{}")
    assert "Upstream rewrote the branch stable" in pull(component).sentence
    moved = Release.objects.get(name="stable").commit
    assert moved != before
    upstream.git("branch", "-D", "stable")
    told = Event.objects.filter(verb="fetched").count()
    for _ in range(3):
        assert "Upstream has no branch stable any more" in pull(component).sentence
    assert Event.objects.filter(verb="fetched").count() == told + 1, "it is said once in the history"
    assert (Release.objects.get(name="stable").commit, names(component)[-1]) == (moved, "stable")


def test_thousands_of_tags_are_taken_in_pieces(
    component: Component, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding_releases, "MOST_NEW", 3)
    for number in range(5, 12):
        upstream.git("tag", f"{number}.0", "4.0^{}")
    row = pull(component)
    assert "4 more match and were left for the next pull." in row.sentence
    assert names(component)[4:] == ["9.0", "10.0", "11.0"]
    pull(component)
    monkeypatch.setattr(finding_releases, "MOST_RELEASES", 10)
    pull(component)
    assert names(component) == [f"{number}.0" for number in (1, 2, 3, 4, 6, 7, 8, 9, 10, 11)]


def test_names_that_nobody_can_be_called_by_are_left(component: Component, upstream: Upstream) -> None:
    component.release_pattern = r"\d.*"
    component.save()
    for name in ("5.0" + "0" * 120, "5.0+a", "5.0_a"):
        upstream.git("tag", name, "4.0^{}")
    assert pull(component).state == "done"
    assert len(names(component)) == 5, "two that would have one address are one"


def test_a_pattern_that_is_none_is_refused_by_its_name(component: Component) -> None:
    component.candidate_pattern = "(rc"
    component.save()
    row = pull(component)
    assert (row.state, row.sentence.split(":")[0]) == ("refused", "The candidate pattern is not a regular expression")


def test_each_supported_release_is_built_bare_once(component: Component, recipe: Recipe, upstream: Upstream) -> None:
    tag(upstream, "5.0")
    pull(component)
    bare = Build.objects.bare()
    assert [row.release.name for row in bare] == ["5.0"]
    assert [row.release.name for row in queue_missing()] == ["4.0", "3.0", "2.0", "1.0"]
    assert not queue_missing()
    recipe.test = "true"
    recipe.save()
    Release.objects.filter(name="1.0").update(state="retired")
    assert [row.release.name for row in queue_missing()] == ["5.0", "4.0", "3.0", "2.0"]


def test_a_branch_is_built_bare_once_a_day() -> None:
    release = make_release(kind="branch")
    assert len(queue_missing()) == 1
    Release.objects.update(commit=make_commit_id())
    assert not queue_missing()
    Build.objects.update(queued_at=NOW - timedelta(days=2))
    assert [row.commit for row in queue_missing()] == [Release.objects.get(pk=release.pk).commit]


def test_a_build_names_its_failing_tests_and_is_held_against_the_bare_one(
    component: Component, recipe: Recipe, send: Callable[..., Revision]
) -> None:
    Release.objects.exclude(name="1.0").update(state="retired")
    recipe.test = "echo not ok 1 - sings in tune; grep -q HELLO greeting.py && echo not ok 2 - stays calm; exit 1"
    recipe.save()
    revision = send("1.0", "Shout", greeting__py=SHOUT)
    for pk in Fit.objects.values_list("pk", flat=True):
        fit(pk)
    queue_missing()
    for pk in Build.objects.order_by("pk").values_list("pk", flat=True):
        build(pk)
    made = Build.objects.get(revision=revision)
    assert (made.failed_step, made.failed_test) == ("test", "sings in tune")
    assert made.failed_tests == ["sings in tune", "stays calm"]
    assert compared([made])[made.pk].sentence == "Fails stays calm, which the bare release passes."
    assert component


def test_on_a_branch_that_moves_a_patch_is_built_once_a_day(
    component: Component, recipe: Recipe, upstream: Upstream, send: Callable[..., Revision]
) -> None:
    component.release_pattern = "main"
    component.save()
    Release.objects.exclude(name="1.0").update(state="retired")
    pull(component)
    revision = send("1.0", "Count to three", song__txt=SONG.replace("verse 3\n", "verse three\n"))

    def moved(text: str) -> list[Build]:
        upstream.commit("Go on", song__txt=SONG_REWRITTEN.replace("verse 28\n", text))
        pull(component)
        for pk in Fit.objects.filter(state="queued").values_list("pk", flat=True):
            fit(pk)
        return list(Build.objects.filter(revision=revision, release__name="main").order_by("pk"))

    first = moved("one\n")
    assert len(first) == 1
    assert len(moved("two\n")) == 1, "it is put off"
    assert not queue_due_builds()
    Fit.objects.exclude(builds_at=None).update(builds_at=NOW - HOUR)
    (late,) = queue_due_builds()
    assert late.commit == Fit.objects.get(revision=revision, release__name="main").commit
    assert not queue_due_builds()
    assert recipe
