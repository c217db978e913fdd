"""Forecasts of the night: for which releases they are made, when again, and when somebody hears of them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from contributions.models import Event, Fit, Forecast, Notification
from contributions.pipeline.forecasting import forecast, forecast_all, targets
from contributions.pipeline.moving import queue_builds_by_policy
from contributions.pipeline.queueing import judged_on
from contributions.pipeline.telling import tell_waiting
from tests import factories
from tests.waiting import at_once

if TYPE_CHECKING:
    from contributions.models import Component, Contribution, Person, Release, Stack

pytestmark = pytest.mark.django_db


@pytest.fixture
def component() -> Component:
    return factories.make_component("swift")


@pytest.fixture
def old(component: Component) -> Release:
    return factories.make_release(component, "2.36.0")


@pytest.fixture
def candidate(component: Component, old: Release) -> Release:
    del old
    return factories.make_release(component, "2.38.0rc1", is_candidate=True)


@pytest.fixture
def member() -> Person:
    return factories.make_person(organisation=factories.make_organisation("Northern Hosting"))


def patch(release: Release, state: str = "applies") -> Contribution:
    made: Contribution = factories.make_contribution(component=release.component)
    factories.make_fit(made.current, release, state=state)
    return made


def stack_of(member: Person, release: Release, *patches: Contribution) -> Stack:
    return factories.make_stack(*patches, author=member, organisation=member.organisation, release=release)


def told() -> list[str]:
    return list(Event.objects.filter(verb="forecast").order_by("pk").values_list("text", flat=True))


def test_targets_are_the_newest_release_and_the_newest_candidates_after_it(component: Component) -> None:
    for name, is_candidate in [("1", False), ("2rc1", True), ("2", False), *((f"3rc{n}", True) for n in range(1, 6))]:
        factories.make_release(component, name, is_candidate=is_candidate)
    factories.make_release(component, "4", state="retired")
    assert [release.name for release in targets(component)] == ["3rc5", "3rc4", "3rc3", "2"]


def test_a_stack_is_told_before_the_release_and_only_once(member: Person, old: Release, candidate: Release) -> None:
    stack = stack_of(member, old, patch(candidate, "upstream"), patch(candidate), patch(candidate, "conflicts"))
    forecast_all()
    forecast_all()
    row = Forecast.objects.get(stack=stack, release=candidate)
    assert row.totals == row.told == {"drop": 1, "carry": 1, "port": 0, "work": 1, "unknown": 0}
    assert [line["do"] for line in row.rows] == ["drop", "carry", "work"]
    assert told() == ["2.38.0rc1: 1 to drop, 1 carry, 1 needs work"]


def test_nothing_is_told_while_something_is_judged(member: Person, old: Release, candidate: Release) -> None:
    waiting = patch(candidate, "queued")
    stack_of(member, old, waiting)
    forecast_all()
    assert (told(), Forecast.objects.get(stack__isnull=False).is_judged) == ([], False)
    Fit.objects.filter(revision=waiting.current).update(state="conflicts")
    forecast_all()  # the same night: what was never told is looked at again
    assert told() == ["2.38.0rc1: 1 needs work"]


def test_a_change_is_told_the_next_night_with_what_was_before(member: Person, old: Release, candidate: Release) -> None:
    stuck = patch(candidate, "conflicts")
    stack_of(member, old, stuck)
    forecast_all()
    Fit.objects.filter(revision=stuck.current).update(state="upstream")
    forecast_all()
    assert len(told()) == 1
    forecast_all(timezone.now() + timedelta(days=1))
    assert told()[1:] == ["2.38.0rc1: 1 to drop (before: 1 needs work)"]
    Forecast.objects.update(made_at=timezone.now() - timedelta(days=1))
    forecast_all()
    assert len(told()) == 2


def test_a_moved_release_is_forecast_anew_the_same_night(member: Person, old: Release, candidate: Release) -> None:
    stuck = patch(candidate, "conflicts")
    stack_of(member, old, stuck)
    forecast_all()
    candidate.commit = factories.make_commit_id()
    candidate.save()
    Fit.objects.filter(revision=stuck.current).update(state="applies")
    forecast_all()
    assert len(told()) == 2


def test_a_stack_that_is_on_the_release_or_in_no_use_is_not_forecast(
    member: Person, old: Release, candidate: Release
) -> None:
    stack_of(member, candidate, patch(candidate))
    stack_of(member, old, patch(candidate))
    member.organisation.stacks.filter(release=old).update(archived_at=timezone.now())
    forecast_all()
    assert not Forecast.objects.filter(stack__isnull=False).exists()


def test_an_organisation_without_a_stack_is_told_of_what_it_runs(
    member: Person, old: Release, candidate: Release
) -> None:
    run = patch(candidate, "upstream")
    factories.make_report(run, old, organisation=member.organisation)
    forecast_all()
    tell_waiting()
    assert told() == ["2.38.0rc1: 1 to drop"]
    assert Notification.objects.filter(person=member, why="stack").count() == 1


def test_who_hears_by_a_stack_does_not_hear_the_same_of_the_organisation(
    member: Person, old: Release, candidate: Release
) -> None:
    stack_of(member, old, patch(candidate, "upstream"))
    forecast_all()
    tell_waiting()
    assert Forecast.objects.filter(organisation=member.organisation).exists()
    assert len(told()) == 1
    assert Notification.objects.filter(person=member).count() == 1


def test_a_pinned_older_revision_is_judged_there_as_well(member: Person, old: Release, candidate: Release) -> None:
    pinned = patch(old)
    older = pinned.current
    factories.make_fit(factories.make_revision(pinned), candidate)
    stack = stack_of(member, old, pinned)
    stack.picks.update(revision=older)
    queued = forecast_all()
    assert [(fit.revision, fit.release, fit.state) for fit in queued if isinstance(fit, Fit)] == [
        (older, candidate, "queued")
    ]
    assert Forecast.objects.get(stack=stack).totals["unknown"] == 1
    assert forecast_all() == []


def test_a_draft_is_counted_for_nobody(member: Person, old: Release, candidate: Release) -> None:
    draft = patch(candidate, "conflicts")
    stack_of(member, old, draft, patch(candidate))
    type(draft).objects.filter(pk=draft.pk).update(is_draft=True)
    forecast_all()
    assert told() == ["2.38.0rc1: 1 carry"]


@pytest.mark.django_db(transaction=True)
def test_two_beats_at_once_tell_once(member: Person, old: Release, candidate: Release) -> None:
    held = patch(candidate, "upstream")
    stack = stack_of(member, old, held)
    forecast(candidate, stack=stack)
    Fit.objects.filter(revision=held.current).update(state="conflicts")
    with at_once(Forecast.objects.all(), *[lambda: forecast(candidate, stack=stack)] * 2):
        assert len(told()) == 1, "the control: both wait for the row, and nothing is told yet"
    assert len(told()) == 2
    assert Forecast.objects.count() == 1


def test_what_a_stack_pins_meets_a_release_that_is_new_or_moves_and_is_not_built(
    member: Person, old: Release, candidate: Release
) -> None:
    pinned = patch(old)
    older = pinned.current
    factories.make_revision(pinned)
    stack = stack_of(member, old, pinned)
    assert older not in judged_on(candidate)
    stack.picks.update(revision=older)
    assert older in judged_on(candidate)
    fit = factories.make_fit(older, candidate)
    assert queue_builds_by_policy([fit]) == []
    assert len(queue_builds_by_policy([factories.make_fit(pinned.current, candidate)])) == 1
    stack.picks.update(revision=pinned.current)
    port = factories.make_revision(pinned, ports=older, release=old)
    stack.picks.update(revision=port)
    assert (port in judged_on(candidate), port in judged_on(old)) == (False, True)
