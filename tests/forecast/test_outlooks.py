"""What to do about a revision on a release: each verdict, ports, and what an organisation carries in all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from contributions.models import Contribution, Fit
from contributions.models.forecasting import (
    forecast_of_organisation,
    forecast_of_stack,
    outlook,
    outlooks,
    words_of,
)
from contributions.models.porting import port_for
from tests import factories

if TYPE_CHECKING:
    from contributions.models import Release

pytestmark = pytest.mark.django_db


@pytest.fixture
def release() -> Release:
    return factories.make_release(factories.make_component("swift"), "2.37.0")


def patch(release: Release, state: str = "applies", **given: Any) -> Contribution:
    made: Contribution = factories.make_contribution(component=release.component)
    if state:
        factories.make_fit(made.current, release, state=state, **given)
    return made


@pytest.mark.parametrize(
    ("state", "do", "is_judged"),
    [
        ("applies", "carry", True),
        ("merges", "carry", True),
        ("upstream", "drop", True),
        ("probably-upstream", "unknown", True),
        ("conflicts", "work", True),
        ("no-base", "work", True),
        ("not-for-this-tree", "work", True),
        ("errored", "unknown", True),
        ("queued", "unknown", False),
        ("running", "unknown", False),
        ("", "unknown", False),
    ],
)
def test_each_verdict_says_what_to_do(release: Release, state: str, do: str, is_judged: bool) -> None:  # noqa: FBT001
    told = outlook(patch(release, state).current, release)
    assert (told.do, told.is_judged) == (do, is_judged)
    assert told.why.endswith(".")


def test_every_state_of_a_fit_is_meant(release: Release) -> None:
    for state in Fit.State.values:
        assert outlook(patch(release, state).current, release).why


def test_what_is_dropped_names_the_commit_and_what_needs_work_the_files(release: Release) -> None:
    gone = outlook(patch(release, "upstream", upstream_commit="ab" * 20, evidence="change-id").current, release)
    assert (gone.commit, gone.evidence) == ("ab" * 20, "change-id")
    blame = [{"path": "a.py", "commit": "cd" * 20}]
    stuck = outlook(patch(release, "conflicts", conflicts=["a.py"], blame=blame).current, release)
    assert (stuck.files, list(stuck.blame)) == (("a.py",), blame)


def test_what_conflicts_says_when_an_earlier_release_had_it(release: Release) -> None:
    """Seen where upstream squashes what it takes in, and changes the same lines later."""
    oldest, older, newer = (
        factories.make_release(release.component, name, position=release.position + step)
        for name, step in (("2.35.0", -2), ("2.36.0", -1), ("2.38.0", 1))
    )
    had, not_yet = patch(release, "conflicts"), patch(release, "conflicts")
    for where in (oldest, older):
        factories.make_fit(had.current, where, state="upstream")
    factories.make_fit(not_yet.current, newer, state="upstream")
    factories.make_fit(not_yet.current, older, state="applies")
    assert "2.36.0 has it already" in outlook(had.current, release).why
    assert outlook(had.current, release).do == "work", "a person decides"
    assert "has it already" not in outlook(not_yet.current, release).why


def port(of: Contribution, release: Release, state: str = "applies") -> None:
    original = of.current
    made = factories.make_revision(of, ports=original, release=release)
    if state:
        factories.make_fit(made, release, state=state)
    Contribution.objects.filter(pk=of.pk).update(current=original)
    of.refresh_from_db()


def test_a_port_that_fits_is_to_be_taken_and_one_that_does_not_is_none(release: Release) -> None:
    ported, stuck, waiting, needless = (patch(release, state) for state in ["conflicts"] * 3 + ["applies"])
    for of, state in ((ported, "merges"), (stuck, "conflicts"), (waiting, "queued"), (needless, "applies")):
        port(of, release, state)
    told = [outlook(of.current, release) for of in (ported, stuck, waiting, needless)]
    assert [(row.do, row.port, row.is_judged) for row in told] == [
        ("port", 2, True), ("work", 0, True), ("unknown", 0, False), ("carry", 0, True),
    ]  # fmt: skip


def test_a_port_that_was_taken_back_is_none(release: Release) -> None:
    of = patch(release, "conflicts")
    port(of, release)
    of.revisions.filter(number=2).update(withdrawn_at=timezone.now())
    assert outlook(of.current, release).do == "work"


def test_a_strangers_newer_port_is_not_the_one_to_take(release: Release) -> None:
    """The forecast names the port that a stack would take."""
    theirs, approved = patch(release, "conflicts"), patch(release, "conflicts")
    for of, better in ((theirs, {"submitted_by": theirs.author}), (approved, {"approved_at": timezone.now()})):
        for given in ({}, better, {}):
            factories.make_fit(factories.make_port(of.current, release, **given), release)
        assert outlook(of.current, release).port == port_for(of, release).number == 3


def test_a_port_to_another_release_stands_for_what_it_was_made_of(release: Release) -> None:
    older = factories.make_release(release.component, "2.36.0")
    of = patch(release, "applies")
    port(of, older)
    pinned = of.revisions.get(number=2)
    assert outlook(pinned, release).do == "carry"
    assert outlook(pinned, older).do == "carry"


def test_many_revisions_cost_as_few_queries_as_one(release: Release) -> None:
    revisions = [patch(release, "conflicts").current for _ in range(12)]
    with CaptureQueriesContext(connection) as one:
        outlooks(revisions[:1], release)
    with CaptureQueriesContext(connection) as many:
        outlooks(revisions, release)
    assert len(many) == len(one) == 3


def test_a_stack_is_forecast_in_its_order_with_what_it_pins(release: Release) -> None:
    first, second, hidden = patch(release, "upstream"), patch(release, "conflicts"), patch(release)
    pinned = second.current
    factories.make_fit(factories.make_revision(second), release)
    stack = factories.make_stack(second, first, hidden, release=release)
    stack.picks.filter(contribution=second).update(revision=pinned)
    Contribution.objects.filter(pk=hidden.pk).update(is_draft=True)
    seen = Contribution.objects.visible_to(stack.author)
    told = forecast_of_stack(stack, release, seen)
    assert [(row.contribution, row.revision.number, row.outlook.do) for row in told.rows] == [
        (second, 1, "work"), (first, 1, "drop"),
    ]  # fmt: skip
    assert told.totals == {"drop": 1, "carry": 0, "port": 0, "work": 1, "unknown": 0}
    stack.picks.update(revision=None)
    assert forecast_of_stack(stack, release, seen).totals["work"] == 0


def test_an_organisation_is_forecast_by_all_that_it_carries_each_once(release: Release) -> None:
    ours = factories.make_organisation()
    member = factories.make_person(organisation=ours)
    picked, run, shared, gone, other = (patch(release) for _ in range(5))
    Contribution.objects.filter(pk__in=[shared.pk, gone.pk]).update(organisation=ours)
    Contribution.objects.filter(pk=gone.pk).update(state="withdrawn")
    factories.make_report(run, release, organisation=ours)
    factories.make_report(picked, release, organisation=ours)
    factories.make_report(other, release)
    stack = factories.make_stack(picked, organisation=ours, author=member, release=release)
    factories.make_stack(other, organisation=None, release=release)
    note = factories.make_contribution(component=release.component, kind="experience", organisation=ours)
    told = forecast_of_organisation(ours, release, Contribution.objects.visible_to(member))
    assert [row.contribution for row in told.rows] == [picked, run, shared]
    assert note not in [row.contribution for row in told.rows]
    stack.picks.update(revision=picked.current)
    factories.make_revision(picked)
    told = forecast_of_organisation(ours, release, Contribution.objects.visible_to(member))
    assert [row.revision.number for row in told.rows] == [1, 1, 1]


def test_totals_are_told_in_words() -> None:
    assert words_of({"drop": 3, "carry": 18, "port": 0, "work": 2, "unknown": 0}) == "3 to drop, 18 carry, 2 need work"
    assert words_of({"port": 1, "work": 1, "unknown": 1}) == "1 ported, 1 needs work, 1 not known yet"
    assert words_of({}) == "nothing is carried"
