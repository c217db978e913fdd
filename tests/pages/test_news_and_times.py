"""What the front page tells of late, charts by week, times in the reader's zone, and how long a build will take."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from contributions.models import Build, Contribution, Event
from contributions.views import weeks
from tests import factories
from tests.pages.conftest import signed_in

MONDAY = date(2026, 3, 2)


@pytest.mark.django_db
def test_the_front_page_tells_what_changed_since_yesterday() -> None:
    component = factories.make_component("swift")
    old = factories.make_contribution(component=component, title="Of last week")
    new = factories.make_contribution(component=component, title="Of today")
    hidden = factories.make_contribution(component=component, title="Not yours to see")
    Event.objects.write("received", contribution=old, revision=old.current)
    Event.objects.write("received", contribution=new, revision=new.current)
    Event.objects.write("received", contribution=hidden, revision=hidden.current)
    Contribution.objects.filter(pk=hidden.pk).update(quarantined_at=timezone.now())
    page = Client().get("/").content.decode()
    assert "<b>2</b> new revisions" in page
    assert "Of today" in page
    assert "Not yours to see" not in page
    staff = signed_in(factories.make_person(is_staff=True)).get("/").content.decode()
    assert "<b>3</b> new revisions" in staff
    assert "Patches your peers already run." not in staff.partition("<main")[2], "a regular needs no introduction"


@pytest.mark.django_db
def test_a_quiet_day_says_so() -> None:
    assert "A quiet day" in Client().get("/").content.decode()


def test_weeks_are_stacked_and_said_in_words() -> None:
    counts = {(MONDAY, "passed"): 3, (MONDAY, "failed"): 1, (MONDAY - timedelta(days=7), "passed"): 2}
    chart = weeks.drawn("Builds", {"passed": "passed", "failed": "failed"}, counts, MONDAY + timedelta(days=6))
    assert [week.begin for week in chart.weeks[-2:]] == [MONDAY - timedelta(days=7), MONDAY]
    assert [(part.name, part.count, part.y, part.height) for part in chart.weeks[-1].parts] == [
        ("passed", 3, 15.0, 45.0),
        ("failed", 1, 0.0, 15.0),
    ]
    assert chart.sentence == "Builds in 13 weeks: 5 passed, 1 failed; most, 4, in that of 02 March."
    nothing = weeks.drawn("Builds", {"passed": "passed"}, {}, MONDAY)
    assert nothing.sentence == "Builds: none in 13 weeks."


@pytest.mark.django_db
def test_a_component_shows_its_builds_by_week() -> None:
    release = factories.make_release(factories.make_component("swift"))
    contribution = factories.make_contribution(release=release)
    build = factories.make_build(contribution.current, release)
    Build.objects.filter(pk=build.pk).update(state="passed", finished_at=timezone.now())
    page = Client().get("/components/swift/").content.decode()
    assert "Builds in 13 weeks: 1 passed, 0 failed, 0 timed out" in page
    assert "Shared in 13 weeks: 1 refinements" in page


@pytest.mark.django_db
def test_times_are_told_in_the_zone_that_the_reader_chose() -> None:
    person = factories.make_person(time_zone="Asia/Kolkata")
    contribution = factories.make_contribution()
    moment = datetime(2026, 1, 2, 20, 0, tzinfo=UTC)
    Contribution.objects.filter(pk=contribution.pk).update(created_at=moment)
    address = f"/contributions/{contribution.pk}/"
    assert 'title="2026-01-03 01:30 IST"' in signed_in(person).get(address).content.decode()
    assert 'title="2026-01-02 20:00 UTC"' in Client().get(address).content.decode()
    broken = factories.make_person(time_zone="../../etc/passwd")
    assert 'title="2026-01-02 20:00 UTC"' in signed_in(broken).get(address).content.decode()


@pytest.mark.django_db
def test_a_running_build_tells_what_builds_like_it_took() -> None:
    release = factories.make_release()
    start = timezone.now() - timedelta(hours=1)
    for seconds in (10, 30, 50):
        build = factories.make_build(factories.make_contribution(release=release).current, release)
        done = {"started_at": start, "finished_at": start + timedelta(seconds=seconds)}
        Build.objects.filter(pk=build.pk).update(state="passed", **done)
    running = factories.make_build(factories.make_contribution(release=release).current, release)
    Build.objects.filter(pk=running.pk).update(state="running", started_at=timezone.now(), finished_at=None)
    page = Client().get(f"/builds/{running.pk}/").content.decode()
    assert "Builds like it took 30 s." in page
    assert 'max="30.0"' in page
