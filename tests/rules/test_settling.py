"""Where a contribution stands, on real rows: what is approved, what waits, and when it is looked at again."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from contributions.actions.maintaining import retire, support
from contributions.actions.reviewing import review
from contributions.actions.ruling import set_rules
from contributions.actions.withdrawing import withdraw
from contributions.errors import Clash, Invalid, NotAllowed, TooMany
from contributions.models import Contribution, Event, Membership, Publication, Review, checklist_of
from contributions.pipeline.settling import due, settle, settle_when_due, take_up
from contributions.tasks import settle_component, sweep
from portal.celery import app
from tests import factories

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contributions.models import Component, Person
    from contributions.rules import Check

pytestmark = pytest.mark.django_db
State = Contribution.State


def fresh(contribution: Contribution) -> Contribution:
    return Contribution.objects.with_names().get(pk=contribution.pk)


def check(contribution: Contribution, rule: str) -> Check:
    found = checklist_of(fresh(contribution))
    assert found is not None
    return next(check for check in found.checks if check.rule == rule)


def mark(contribution: Contribution, rule: str) -> str:
    return str(check(contribution, rule).mark)


def ruled(**given: Any) -> tuple[Contribution, Person, Person]:
    """A contribution for release 1.0 of a component with two maintainers and these rules."""
    first, second = factories.make_person("first"), factories.make_person("second")
    component = factories.make_component("swift", maintainers=(first, second), **given)
    author = factories.make_person("author", organisation=factories.make_organisation("An operator"))
    contribution = factories.make_contribution(
        release=factories.make_release(component, "1.0"), author=author, organisation=author.organisation
    )
    return contribution, first, second


def approve(contribution: Contribution, person: Person) -> Contribution:
    review(reviewer=person, contribution=fresh(contribution), verdict="approve")
    return fresh(contribution)


def long_ago(contribution: Contribution, days: float) -> None:
    """Put the submission of the current revision so many days into the past."""
    contribution.revisions.update(created_at=timezone.now() - timedelta(days=days))


def make_known(author: Person) -> Contribution:
    """Another contribution of theirs that was approved."""
    known = factories.make_contribution(author=author)
    factories.approve(known)
    return known


# who counts


@pytest.mark.attack("T01")
def test_a_colleague_of_the_author_approves_nothing() -> None:
    contribution, colleague, other = ruled()
    Membership.objects.create(organisation=contribution.organisation, person=colleague)
    assert approve(contribution, colleague).state == State.OPEN
    assert check(contribution, "approvals").detail == (
        "0 of 1. first's does not count: same organisation as the author."
    )
    assert approve(contribution, other).state == State.APPROVED


@pytest.mark.attack("T01")
def test_whoever_was_a_colleague_when_they_approved_stays_one() -> None:
    contribution, colleague, _ = ruled()
    membership = Membership.objects.create(organisation=contribution.organisation, person=colleague)
    approve(contribution, colleague)
    membership.delete()
    settle(contribution)
    assert fresh(contribution).state == State.OPEN
    assert approve(contribution, colleague).state == State.APPROVED, "said anew, as a stranger"


@pytest.mark.attack("T01")
def test_whoever_becomes_a_colleague_no_longer_counts() -> None:
    contribution, first, second = ruled(approvals_needed=2)
    approve(contribution, first)
    Membership.objects.create(organisation=contribution.organisation, person=first)
    assert approve(contribution, second).state == State.OPEN
    assert check(contribution, "approvals").detail.startswith("1 of 2. first's does not count")


@pytest.mark.attack("T01")
def test_the_organisation_that_it_was_shared_for_counts_when_its_author_has_left_it() -> None:
    contribution, colleague, _ = ruled()
    Membership.objects.create(organisation=contribution.organisation, person=colleague)
    contribution.author.memberships.all().delete()
    assert approve(contribution, colleague).state == State.OPEN


@pytest.mark.attack("T01")
def test_an_author_who_joins_the_reviewers_organisation_makes_a_colleague_of_them() -> None:
    contribution, first, _ = ruled(approvals_needed=2)
    factories.make_organisation("Another", owner=first)
    approve(contribution, first)
    assert check(contribution, "approvals").detail == "1 of 2."
    Membership.objects.create(organisation=first.organisation, person=contribution.author)
    assert check(contribution, "approvals").detail.startswith("0 of 2.")


@pytest.mark.attack("T01")
def test_whoever_sent_the_revision_does_not_approve_it() -> None:
    contribution, sender, _ = ruled()
    contribution.revisions.update(submitted_by=sender)
    assert approve(contribution, sender).state == State.OPEN
    assert "their own work" in check(contribution, "approvals").detail


@pytest.mark.attack("T01")
def test_an_author_who_maintains_does_not_approve_and_an_executable_needs_two_others() -> None:
    contribution, first, second = ruled()
    Contribution.objects.update(kind="executable")
    contribution.component.maintainers.add(contribution.author)
    with pytest.raises(NotAllowed):
        approve(contribution, contribution.author)
    assert approve(contribution, first).state == State.OPEN
    assert approve(contribution, second).state == State.APPROVED


@pytest.mark.attack("T03")
def test_the_approval_of_a_maintainer_who_is_none_any_more_does_not_count() -> None:
    contribution, first, second = ruled(approvals_needed=2)
    approve(contribution, first)
    contribution.component.maintainers.remove(first)
    assert approve(contribution, second).state == State.OPEN
    assert "first's does not count: they are no maintainer now" in check(contribution, "approvals").detail
    with pytest.raises(NotAllowed):
        approve(contribution, first)


def test_an_objection_stands_when_its_maker_is_no_maintainer_any_more() -> None:
    contribution, first, second = ruled()
    review(reviewer=first, contribution=fresh(contribution), verdict="reject", message="No.")
    contribution.component.maintainers.remove(first)
    assert approve(contribution, second).state == State.REJECTED
    assert check(contribution, "objections").detail == "first rejects it."


# time


def test_a_newcomers_work_is_approved_when_its_days_are_over_and_not_before() -> None:
    contribution, first, _ = ruled(cool_down_days=3)
    waiting = approve(contribution, first)
    assert (waiting.state, Publication.objects.count()) == (State.OPEN, 0)
    assert waiting.settles_at == waiting.current.created_at + timedelta(days=3)
    assert due(10) == []
    assert not settle_when_due(contribution.pk)
    long_ago(contribution, 3.001)
    assert due(10) == [], "nothing looked at it anew"
    Contribution.objects.update(settles_at=timezone.now())
    assert due(10) == [contribution.pk]
    assert settle_when_due(contribution.pk)
    settled = fresh(contribution)
    assert (settled.state, settled.settles_at) == (State.APPROVED, None)
    event = Event.objects.get(verb=Event.Verb.APPROVED)
    assert (event.actor, event.revision) == (None, settled.current)
    assert not settle_when_due(contribution.pk), "it is not due a second time"


def test_a_new_revision_of_a_newcomer_waits_anew() -> None:
    contribution, first, _ = ruled(cool_down_days=3)
    long_ago(contribution, 4)
    second = factories.make_revision(contribution)
    take_up(fresh(contribution), second)
    again = fresh(contribution)
    assert again.settles_at == second.created_at + timedelta(days=3)
    assert approve(contribution, first).state == State.OPEN


def test_whoever_had_something_approved_is_no_newcomer_unless_it_fell_since() -> None:
    contribution, _, _ = ruled(cool_down_days=3)
    assert mark(contribution, "cool-down") == "waiting"
    known = make_known(contribution.author)
    assert mark(contribution, "cool-down") == "met"
    Contribution.objects.filter(pk=known.pk).update(state=State.REJECTED)
    assert mark(contribution, "cool-down") == "waiting"
    Contribution.objects.filter(pk=known.pk).update(state=State.WITHDRAWN)
    assert mark(contribution, "cool-down") == "met"
    Contribution.objects.filter(pk=known.pk).update(quarantined_at=timezone.now())
    assert mark(contribution, "cool-down") == "waiting"


def test_an_account_or_an_organisation_that_changed_hands_waits_however_well_known() -> None:
    contribution, _, _ = ruled(cool_down_days=3)
    make_known(contribution.author)
    author = contribution.author
    for changed, words in ((author, "author's account"), (author.organisation, "organisation An operator")):
        type(changed).objects.filter(pk=changed.pk).update(changed_hands_at=timezone.now())
        found = check(contribution, "cool-down")
        assert found.mark == "waiting"
        assert words in found.detail
        type(changed).objects.filter(pk=changed.pk).update(changed_hands_at=timezone.now() - timedelta(days=3))
        assert mark(contribution, "cool-down") == "met"


def test_an_organisation_that_only_the_author_belongs_to_counts_too() -> None:
    contribution, _, _ = ruled(cool_down_days=3)
    make_known(contribution.author)
    factories.make_organisation("Side door", owner=contribution.author, changed_hands_at=timezone.now())
    assert "Side door" in check(contribution, "cool-down").detail


# builds


def test_the_release_that_it_was_made_for_must_be_green() -> None:
    contribution, first, _ = ruled(green_build_needed=True)
    other = factories.make_release(contribution.component, "2.0")
    factories.make_build(contribution.current, other)
    assert approve(contribution, first).state == State.OPEN
    assert "yet to be tried on 1.0" in check(contribution, "green-build").detail
    factories.make_build(contribution.current, contribution.release)
    settle(contribution)
    assert fresh(contribution).state == State.APPROVED


def test_of_several_builds_on_it_the_newest_verdict_counts() -> None:
    contribution, _, _ = ruled(green_build_needed=True)
    current, release = contribution.current, contribution.release
    first = factories.make_build(current, release, state="failed")
    assert mark(contribution, "green-build") == "not-met"
    factories.make_build(current, release, state="running")
    assert mark(contribution, "green-build") == "not-met"
    last = factories.make_build(current, release)
    assert mark(contribution, "green-build") == "met"
    factories.make_build(current, release, state="errored")
    assert mark(contribution, "green-build") == "met", "that the portal failed says nothing"
    factories.make_build(current, release, state="failed", repeats=last)
    assert mark(contribution, "green-build") == "met", "a repetition compares bytes"
    assert first.serial < last.serial


def test_when_the_release_is_retired_any_green_release_will_do() -> None:
    contribution, first, _ = ruled(green_build_needed=True)
    other = factories.make_release(contribution.component, "2.0")
    factories.make_build(contribution.current, other, state="queued")
    factories.make_fit(contribution.current, other)
    approve(contribution, first)
    retire(person=first, release=contribution.release)
    assert check(contribution, "green-build").detail == "Its build on one of the releases is queued."
    factories.make_build(contribution.current, other)
    settle_component(contribution.component_id)
    assert fresh(contribution).state == State.APPROVED


def test_a_note_and_an_executable_are_asked_for_no_build() -> None:
    contribution, _, _ = ruled(green_build_needed=True, sign_off_needed=True)
    for kind in ("executable", "experience"):
        Contribution.objects.update(kind=kind)
        assert mark(contribution, "green-build") == mark(contribution, "sign-off") == "not-asked"


def test_without_a_recipe_nothing_turns_green() -> None:
    contribution, _, _ = ruled(green_build_needed=True, recipe=False)
    assert "no recipe" in check(contribution, "green-build").detail


# licence and sign-off


def test_the_licence_and_what_the_change_says_are_read_from_the_revision() -> None:
    contribution, first, _ = ruled(accepted_licences=["MIT"])
    contribution.revisions.update(licences=[["a.c", "GPL-3.0-only"]])
    assert approve(contribution, first).state == State.OPEN
    assert check(contribution, "licence").detail == "a.c says GPL-3.0-only."


def test_the_sign_off_is_read_from_the_commits() -> None:
    contribution, first, _ = ruled(sign_off_needed=True)
    assert approve(contribution, first).state == State.OPEN
    assert mark(contribution, "sign-off") == "not-met"
    commits = [commit | {"body": "Signed-off-by: Me <author@example.org>"} for commit in contribution.current.commits]
    contribution.revisions.update(commits=commits)
    assert mark(contribution, "sign-off") == "met"


# changes of the rules


def test_stricter_rules_leave_what_is_approved_and_laxer_ones_free_what_waits() -> None:
    contribution, first, second = ruled(approvals_needed=2)
    component = contribution.component
    done = factories.make_contribution(component=component)
    approve(done, first)
    approve(done, second)
    approve(contribution, first)
    set_rules(person=first, component=component, rules={"approvals_needed": 3})
    settle_component(component.pk)
    assert (fresh(done).state, fresh(contribution).state) == (State.APPROVED, State.OPEN)
    set_rules(person=second, component=component, rules={"approvals_needed": 1})
    assert due(10) == [contribution.pk]
    settle_component(component.pk)
    assert (fresh(done).state, fresh(contribution).state, due(10)) == (State.APPROVED, State.APPROVED, [])


def test_many_contributions_are_settled_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    contribution, first, _ = ruled()
    rows = [contribution, *(factories.make_contribution(component=contribution.component) for _ in range(6))]
    for row in rows:
        factories.make_review(row.current, reviewer=first)
    set_rules(person=first, component=contribution.component, rules={"sign_off_needed": False, "cool_down_days": 0})
    assert due(10) == [], "nothing changed, so there is nothing to look at"
    set_rules(person=first, component=contribution.component, rules={"executable_approvals_needed": 1})
    monkeypatch.setattr("contributions.tasks.SETTLED_AT_ONCE", 3)
    settle_component(contribution.component_id)
    assert len(due(10)) == 4
    settle_component(contribution.component_id)
    settle_component(contribution.component_id)
    assert {fresh(row).state for row in rows} == {State.APPROVED}


def test_rules_are_changed_by_maintainers_and_staff_and_written_down() -> None:
    contribution, first, _ = ruled()
    component, staff = contribution.component, factories.make_person(is_staff=True)
    for stranger in (contribution.author, factories.make_person()):
        with pytest.raises(NotAllowed):
            set_rules(person=stranger, component=component, rules={"approvals_needed": 2})
    set_rules(person=first, component=component, rules={"approvals_needed": 2, "accepted_licences": ["MIT"]})
    event = Event.objects.get(verb=Event.Verb.RULED)
    assert (event.actor, event.component) == (first, component)
    assert event.text == "Approvals needed: 1 → 2. Accepted licences: none → MIT."
    set_rules(person=staff, component=component, rules={"sign_off_needed": True})
    assert Event.objects.latest("pk").text == "Sign off needed: no → yes."
    set_rules(person=None, component=component, rules={"sign_off_needed": True})
    assert Event.objects.filter(verb=Event.Verb.RULED).count() == 2, "nothing changed"


@pytest.mark.parametrize(
    "rules",
    [
        {"approvals_needed": 0},
        {"approvals_needed": 10},
        {"executable_approvals_needed": 0},
        {"cool_down_days": 91},
        {"cool_down_days": -1},
        {"cool_down_days": "soon"},
        {"green_build_needed": "perhaps"},
        {"accepted_licences": "MIT"},
        {"accepted_licences": ["MIT", 1]},
        {"accepted_licences": ["<script>"]},
        {"accepted_licences": ["MIT"] * 31},
        {"licence": "MIT"},
        {"maintainers": []},
    ],
)
def test_rules_that_make_no_sense_are_refused_and_the_old_ones_stay(rules: dict[str, Any]) -> None:
    contribution, first, _ = ruled()
    with pytest.raises(Invalid):
        set_rules(person=first, component=contribution.component, rules={"sign_off_needed": True} | rules)
    assert not fresh(contribution).component.sign_off_needed
    assert not Event.objects.filter(verb=Event.Verb.RULED).exists()


def test_of_two_who_change_the_rules_at_once_the_second_looks_again() -> None:
    contribution, first, second = ruled()
    component, seen = contribution.component, contribution.component.rules_digest
    set_rules(person=first, component=component, rules={"approvals_needed": 2}, seen=seen)
    with pytest.raises(Clash, match="meanwhile"):
        set_rules(person=second, component=component, rules={"approvals_needed": 3}, seen=seen)
    assert fresh(contribution).component.approvals_needed == 2


def test_an_account_that_changed_hands_changes_no_rules_for_a_while() -> None:
    contribution, first, second = ruled(cool_down_days=3)
    first.changed_hands_at = timezone.now() - timedelta(days=2)
    with pytest.raises(NotAllowed, match="changed hands"):
        set_rules(person=first, component=contribution.component, rules={"cool_down_days": 0})
    first.changed_hands_at = timezone.now() - timedelta(days=3)
    set_rules(person=first, component=contribution.component, rules={"cool_down_days": 1})
    set_rules(person=second, component=contribution.component, rules={"cool_down_days": 0})
    assert fresh(contribution).component.cool_down_days == 0


def test_rules_are_changed_thirty_times_a_minute_at_most() -> None:
    contribution, first, _ = ruled()
    for number in range(30):
        set_rules(person=first, component=contribution.component, rules={"cool_down_days": number % 2 + 1})
    with pytest.raises(TooMany):
        set_rules(person=first, component=contribution.component, rules={"cool_down_days": 0})


def test_who_supports_and_retires_releases_is_written_down() -> None:
    contribution, first, _ = ruled()
    retire(person=first, release=contribution.release)
    support(person=first, release=contribution.release)
    told = Event.objects.filter(verb=Event.Verb.RULED).order_by("pk").values_list("text", "actor__username")
    assert list(told) == [("1.0 is retired.", "first"), ("1.0 is supported.", "first")]


# what else may happen to it


def test_what_is_withdrawn_or_not_received_is_not_moved() -> None:
    contribution, first, _ = ruled()
    factories.make_review(contribution.current, reviewer=first)
    withdraw(person=contribution.author, contribution=fresh(contribution), reason="Wrong.")
    Contribution.objects.update(settles_at=timezone.now())
    assert not settle_when_due(contribution.pk)
    assert (fresh(contribution).state, due(10)) == (State.WITHDRAWN, [])
    empty = factories.make_contribution(component=contribution.component, received=False)
    assert checklist_of(empty) is None
    assert not settle(empty)


def test_what_is_in_quarantine_is_approved_only_when_it_is_out_of_it() -> None:
    contribution, first, _ = ruled()
    factories.make_review(contribution.current, reviewer=first)
    Contribution.objects.update(quarantined_at=timezone.now())
    assert not settle(contribution)
    assert (fresh(contribution).state, due(10)) == (State.OPEN, [])
    Contribution.objects.update(quarantined_at=None)
    assert due(10) == [contribution.pk]
    assert settle_when_due(contribution.pk)


@pytest.fixture
def _rings_at_once() -> Iterator[None]:
    """A task that is rung runs there and then, without a broker."""
    app.conf["task_always_eager"] = True
    yield
    app.conf["task_always_eager"] = False


def test_a_new_revision_of_what_is_approved_is_open_again() -> None:
    contribution, first, _ = ruled()
    assert approve(contribution, first).state == State.APPROVED
    take_up(fresh(contribution), second := factories.make_revision(contribution))
    assert (fresh(contribution).state, fresh(contribution).current) == (State.OPEN, second)
    assert approve(contribution, first).state == State.APPROVED


@pytest.mark.usefixtures("_rings_at_once")
def test_the_sweep_rings_for_what_is_due() -> None:
    contribution, first, _ = ruled()
    factories.make_review(contribution.current, reviewer=first)
    factories.make_artifact(factories.make_build(contribution.current, contribution.release))
    Contribution.objects.update(settles_at=timezone.now())
    sweep()
    assert fresh(contribution).state == State.APPROVED
    assert Publication.objects.get().revision == contribution.current


def plan_of(rows: Any) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    return str(rows.explain())


def test_what_is_due_is_found_by_its_index() -> None:
    assert "contribution_settles" in plan_of(Contribution.objects.to_settle().values_list("pk")[:200])


def test_the_history_of_rules_is_found_by_its_index() -> None:
    component: Component = factories.make_component()
    rows = Event.objects.filter(component=component, verb=Event.Verb.RULED).order_by("-pk")
    assert "event_of_rules" in plan_of(rows[:20])


def queries_of(contribution: Contribution) -> int:
    shown = fresh(contribution)
    with CaptureQueriesContext(connection) as captured:
        checklist_of(shown)
    return len(captured)


def test_a_checklist_costs_the_same_however_much_was_said_and_built() -> None:
    contribution, first, _ = ruled(cool_down_days=3, green_build_needed=True, approvals_needed=9)
    approve(contribution, first)
    few = queries_of(contribution)
    for _ in range(10):
        other = factories.make_person(organisation=factories.make_organisation())
        contribution.component.maintainers.add(other)
        approve(contribution, other)
        release = factories.make_release(contribution.component)
        factories.make_build(contribution.current, release)
        factories.make_fit(contribution.current, release)
        make_known(contribution.author)
    assert Review.objects.count() == 11
    assert queries_of(contribution) == few <= 9
