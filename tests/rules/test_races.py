"""Approvals, builds and revisions at the same moment: approved once, published once, and nothing stays behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contributions import sandbox
from contributions.actions.maintaining import retire
from contributions.actions.reviewing import review
from contributions.actions.ruling import set_rules
from contributions.errors import Clash, Refusal
from contributions.models import Build, Contribution, Event, Publication, Review, Revision
from contributions.pipeline import building
from contributions.pipeline.publishing import publish
from contributions.pipeline.receiving import receive
from contributions.pipeline.settling import settle_when_due
from contributions.tasks import settle_component
from tests import factories
from tests.hostile.test_races import at_once, fresh

if TYPE_CHECKING:
    from pathlib import Path

    from contributions.models import Person

pytestmark = pytest.mark.django_db(transaction=True)
OFTEN = 6


def waiting_for_its_build(approvals: int = 1) -> tuple[Contribution, list[Person], Build]:
    """A contribution that needs a green build, with a build that a worker holds."""
    maintainers = [factories.make_person() for _ in range(approvals)]
    component = factories.make_component(
        maintainers=tuple(maintainers), approvals_needed=approvals, green_build_needed=True
    )
    contribution = factories.make_contribution(release=factories.make_release(component))
    factories.make_fit(contribution.current, contribution.release)
    queued = factories.make_build(contribution.current, contribution.release, state="queued")
    row = Build.objects.claim(queued.pk)
    assert row is not None
    return contribution, maintainers, row


def end_green(row: Build, place: Path) -> None:
    """Record the end of a build, as the worker does when the sandbox has ended."""
    wheel = place / f"song-{row.pk}.whl"
    wheel.write_bytes(b"wheel %d" % row.pk)
    made = sandbox.Outcome(sandbox.Verdict.PASSED, "", 0.1, artifacts=(sandbox.Artifact(wheel.name, wheel, 5, ""),))
    building._record(row, made, {})  # noqa: SLF001 - what races with the approval


def assert_published_once(contribution: Contribution) -> None:
    assert fresh(contribution).state == "approved"
    assert Event.objects.filter(verb=Event.Verb.APPROVED, contribution=contribution).count() == 1
    assert Publication.objects.filter(revision__contribution=contribution).count() == 1
    assert Event.objects.filter(verb=Event.Verb.PUBLISHED, contribution=contribution).count() == 1


def test_a_build_that_ends_while_two_approve_is_published_once(tmp_path: Path) -> None:
    for _ in range(OFTEN):
        contribution, (first, second), row = waiting_for_its_build(2)
        found = at_once(
            lambda mine=contribution, who=first: review(reviewer=who, contribution=fresh(mine), verdict="approve"),
            lambda mine=row: end_green(mine, tmp_path),
            lambda mine=contribution, who=second: review(reviewer=who, contribution=fresh(mine), verdict="approve"),
        )
        assert not any(isinstance(one, Refusal) for one in found), found
        publish(contribution.pk)  # what the reviewers' doorbell does
        assert_published_once(contribution)


def test_rules_that_are_laxer_while_a_build_ends_approve_once(tmp_path: Path) -> None:
    for _ in range(OFTEN):
        contribution, (only,), row = waiting_for_its_build()
        component = contribution.component
        component.maintainers.add(staff := factories.make_person())
        review(reviewer=only, contribution=fresh(contribution), verdict="approve")
        at_once(
            lambda mine=row: end_green(mine, tmp_path),
            lambda mine=component, who=staff: set_rules(
                person=who, component=mine, rules={"green_build_needed": False}
            ),
            lambda mine=contribution: settle_when_due(mine.pk),
            lambda mine=component: settle_component(mine.pk),
        )
        settle_component(component.pk)
        assert_published_once(contribution)


def test_rules_and_releases_that_change_while_much_is_settled_lock_nobody_out() -> None:
    """The rows are asked for in one order, and events that name the component wait for nobody."""
    keepers = [factories.make_person() for _ in range(3)]
    component = factories.make_component(maintainers=tuple(keepers))
    releases = [factories.make_release(component) for _ in range(2)]
    rows = [factories.make_contribution(component=component, release=releases[0]) for _ in range(12)]
    for row in rows:
        factories.make_review(row.current, reviewer=keepers[0])
    Contribution.objects.update(settles_at=rows[0].created_at)
    at_once(
        lambda: set_rules(person=keepers[0], component=component, rules={"cool_down_days": 1}),
        lambda: set_rules(person=keepers[1], component=component, rules={"cool_down_days": 0}),
        lambda: retire(person=keepers[2], release=releases[1]),
        lambda: [settle_when_due(row.pk) for row in rows],
        lambda: [settle_when_due(row.pk) for row in reversed(rows)],
    )
    set_rules(person=keepers[2], component=component, rules={"cool_down_days": 2})
    set_rules(person=keepers[2], component=component, rules={"cool_down_days": 0})
    settle_component(component.pk)
    assert set(Contribution.objects.values_list("state", flat=True)) == {"approved"}
    assert Event.objects.filter(verb=Event.Verb.APPROVED).count() == len(rows)


def test_what_is_approved_while_a_new_revision_comes_is_approved_as_it_was_seen() -> None:
    for _ in range(OFTEN):
        maintainer = factories.make_person()
        component = factories.make_component(maintainers=(maintainer,))
        contribution = factories.make_contribution(kind="experience", component=component)
        second = factories.make_revision(contribution, source="note", state="queued")
        found = at_once(
            lambda mine=contribution, who=maintainer: review(
                reviewer=who, contribution=fresh(mine), verdict="approve", revision=1
            ),
            lambda mine=second: receive(mine.pk),
        )
        settled = fresh(contribution)
        assert (settled.state, settled.current) == ("open", second), "nobody looked at v2"
        assert Revision.objects.get(pk=second.pk).is_received
        assert isinstance(found[0], Clash) != Review.objects.filter(revision__contribution=contribution).exists()


def test_two_workers_who_settle_the_same_approve_it_once() -> None:
    for _ in range(OFTEN):
        contribution, (only,), row = waiting_for_its_build()
        factories.make_review(contribution.current, reviewer=only)
        Build.objects.filter(pk=row.pk).update(state="passed")
        factories.make_artifact(row)
        Contribution.objects.filter(pk=contribution.pk).update(settles_at=contribution.created_at)
        found = at_once(*[lambda mine=contribution: settle_when_due(mine.pk)] * 4)
        assert sorted(found) == [False, False, False, True]  # type: ignore[type-var]
        publish(contribution.pk)
        assert_published_once(contribution)
