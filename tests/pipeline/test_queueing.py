"""Queueing fits: a thousand by as many statements as one, what stays, and who comes first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contributions.models import Contribution, Fit, Release
from contributions.pipeline.queueing import queue_fits_for, queue_fits_of
from tests.factories import make_commit_id, make_component, make_contribution, make_fit, make_release, make_revision

if TYPE_CHECKING:
    from contributions.models import Component

pytestmark = pytest.mark.django_db


def statements_for(component: Component) -> int:
    with CaptureQueriesContext(connection) as asked:
        queue_fits_of(make_release(component))
    return len(asked)


def test_many_fits_are_queued_by_as_many_statements_as_one() -> None:
    component = make_component()
    make_contribution(component=component)
    one = statements_for(component)
    for _ in range(20):
        make_contribution(component=component)
    assert statements_for(component) == one
    assert Fit.objects.count() == 22


def test_what_is_most_used_comes_first() -> None:
    component = make_component()
    quiet, used, lively = (make_contribution(component=component) for _ in range(3))
    Contribution.objects.filter(pk=used.pk).update(running_count=3)
    Contribution.objects.filter(pk=lively.pk).update(activity=9.5)
    queued = queue_fits_of(make_release(component))
    assert [fit.revision_id for fit in queued] == [row.current_id for row in (used, lively, quiet)]


def test_the_newest_release_comes_first() -> None:
    component = make_component()
    releases = [make_release(component) for _ in range(3)]
    queued = queue_fits_for(make_contribution(component=component).current)
    assert [fit.release for fit in queued] == releases[::-1]


def test_many_releases_take_as_many_statements_as_one() -> None:
    component = make_component()
    counts = []
    for more in (1, 6):
        for _ in range(more):
            make_release(component)
        contribution = make_contribution(component=component)
        with CaptureQueriesContext(connection) as asked:
            queue_fits_for(contribution.current)
        counts.append(len(asked))
    assert counts[0] == counts[1]
    assert Fit.objects.count() >= 8


def test_a_revision_that_waits_already_is_queued_on_what_a_moved_release_pins_now() -> None:
    fit = make_fit(state="applies", attempts=2)
    Release.objects.filter(pk=fit.release.pk).update(commit=make_commit_id())
    assert queue_fits_for(fit.revision) == [fit]
    fit.refresh_from_db()
    assert (fit.before, fit.release_commit, fit.attempts) == ("applies", Release.objects.get().commit, 0)


def test_a_moved_release_is_judged_again_and_what_was_said_before_is_remembered() -> None:
    fit = make_fit(state="applies", attempts=2)
    assert not queue_fits_of(fit.release), "it is about the commit that the release pins"
    Release.objects.filter(pk=fit.release.pk).update(commit=make_commit_id())
    release = Release.objects.get()
    assert queue_fits_of(release) == [fit]
    fit.refresh_from_db()
    assert (fit.state, fit.before, fit.release_commit, fit.attempts) == ("queued", "applies", release.commit, 0)
    Release.objects.filter(pk=release.pk).update(commit=make_commit_id())
    queue_fits_of(Release.objects.get())
    fit.refresh_from_db()
    assert fit.before == "applies", "waiting is no verdict"


def test_a_port_meets_the_release_that_it_was_made_for_alone() -> None:
    contribution = make_contribution()
    original, mine, other = contribution.current, *(make_release(contribution.component) for _ in range(2))
    port = make_revision(contribution, ports=original, release=mine)
    Contribution.objects.filter(pk=contribution.pk).update(current=original)
    queue_fits_of(mine)
    queue_fits_of(other)
    assert set(Fit.objects.values_list("revision", "release")) == {
        (original.pk, mine.pk), (port.pk, mine.pk), (original.pk, other.pk)
    }  # fmt: skip


@pytest.mark.parametrize("state", ["rejected", "withdrawn"])
def test_what_nobody_wants_any_more_is_not_judged(state: str) -> None:
    contribution = make_contribution(state=state)
    assert not queue_fits_of(make_release(contribution.component))
