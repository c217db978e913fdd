"""The row is the queue: one claim, one result, and an end to trying."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import product

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now

from contributions.errors import Clash, LeaseLost
from contributions.models import Build, Contribution, Event, Fit, Publication, Release, Revision, UpstreamFetch
from tests.factories import make_build, make_contribution, make_fit, make_publication, make_release, make_revision


def queued_build(**given: object) -> Build:
    return make_build(state=Build.State.QUEUED, **given)


def let_lease_run_out(build: Build) -> None:
    Build.objects.filter(pk=build.pk).update(lease_until=Now() - timedelta(seconds=1))


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_one_gets_the_build() -> None:
    build = queued_build()

    def claim(_: int) -> bool:
        try:
            return Build.objects.claim(build.pk) is not None
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as workers:
        assert sum(workers.map(claim, range(8))) == 1
    build.refresh_from_db()
    assert build.attempts == 1


@pytest.mark.django_db
def test_of_results_that_are_recorded_together_only_those_of_a_held_row_count() -> None:
    rows = Fit.objects.claim_all([make_fit(state="queued").pk for _ in range(4)])
    Fit.objects.filter(pk=rows[0].pk).update(lease=None, state="queued")
    Fit.objects.filter(pk=rows[1].pk).update(lease="00000000-0000-4000-8000-000000000000")
    results = [(row, {"state": "merges", "sentence": f"It is {row.pk}."}) for row in rows]
    assert Fit.objects.finish_all(results) == rows[2:]
    kept = {row.pk: row for row in Fit.objects.all()}
    assert [kept[row.pk].state for row in rows] == ["queued", "running", "merges", "merges"]
    for row in rows[2:]:
        now = kept[row.pk]
        assert (now.sentence, now.lease, now.lease_until) == (f"It is {row.pk}.", None, None)
        assert now.finished_at == row.finished_at >= now.started_at
    assert Fit.objects.finish_all([(kept[row.pk], {"state": "merges"}) for row in rows[2:]]) == [], "once"


@pytest.mark.django_db
def test_results_that_no_arrow_leads_to_are_refused_together() -> None:
    rows = Fit.objects.claim_all([make_fit(state="queued").pk for _ in range(2)])
    with pytest.raises(Clash, match="cannot become running"):
        Fit.objects.finish_all([(rows[0], {"state": "merges"}), (rows[1], {"state": "running"})])
    assert set(Fit.objects.values_list("state", flat=True)) == {"running"}


@pytest.mark.django_db
def test_a_build_that_is_over_cannot_be_claimed() -> None:
    assert Build.objects.claim(make_build().pk) is None


@pytest.mark.django_db
def test_a_build_whose_worker_is_gone_goes_to_the_next_one_and_the_first_is_not_heard() -> None:
    build = queued_build()
    first = Build.objects.claim(build.pk)
    assert first
    assert Build.objects.claim(build.pk) is None, "its lease still holds"
    let_lease_run_out(build)
    second = Build.objects.claim(build.pk)
    assert second
    assert not first.renew()
    with pytest.raises(LeaseLost):
        first.finish(Build.State.PASSED)
    second.finish(Build.State.FAILED)
    build.refresh_from_db()
    assert build.state == Build.State.FAILED


@pytest.mark.django_db
def test_a_build_that_kills_every_worker_is_given_up_with_a_word(settings: object) -> None:
    settings.ATTEMPTS = 2  # type: ignore[attr-defined]
    build = queued_build()
    for _ in range(2):
        assert Build.objects.claim(build.pk)
        let_lease_run_out(build)
    assert Build.objects.claim(build.pk) is None
    assert Build.objects.give_up() == [build.pk]
    build.refresh_from_db()
    assert build.state == Build.State.ERRORED
    assert "2 times" in build.sentence
    assert Build.objects.give_up() == []


@pytest.mark.django_db
def test_our_own_trouble_queues_again_until_the_attempts_are_spent(settings: object) -> None:
    settings.ATTEMPTS = 2  # type: ignore[attr-defined]
    build = queued_build()
    first = Build.objects.claim(build.pk)
    first.put_back("The disk is full.")
    build.refresh_from_db()
    assert build.state == Build.State.QUEUED
    second = Build.objects.claim(build.pk)
    second.put_back("The disk is full.")
    build.refresh_from_db()
    assert (build.state, build.sentence) == (Build.State.ERRORED, "The disk is full.")


@pytest.mark.django_db
def test_each_pause_before_another_attempt_is_longer(settings: object) -> None:
    settings.LEASE_SECONDS = 100  # type: ignore[attr-defined]
    build = queued_build()
    for seconds in (0, 100):
        Build.objects.claim(build.pk).put_back("The disk is full.")
        build.refresh_from_db()
        assert seconds <= (build.queued_at - build.started_at).total_seconds() < seconds + 50


@pytest.mark.django_db
def test_what_was_given_up_is_begun_again_when_an_operator_says_so(settings: object) -> None:
    settings.ATTEMPTS = 1  # type: ignore[attr-defined]
    build, other = queued_build(), queued_build()
    Build.objects.claim(build.pk).put_back("The disk is full.")
    assert Build.objects.claim(build.pk) is None
    assert Build.objects.try_again() == [build.pk]
    assert Build.objects.claim(build.pk).attempts == 1
    assert Build.objects.try_again() == []
    assert Build.objects.claim(other.pk)


@pytest.mark.django_db
def test_a_lost_doorbell_is_rung_again_but_not_at_every_sweep() -> None:
    build = queued_build()
    assert Build.objects.unheard(10) == [], "it was queued just now"
    Build.objects.filter(pk=build.pk).update(queued_at=Now() - timedelta(hours=1))
    assert Build.objects.unheard(10) == [build.pk]
    assert Build.objects.unheard(10) == [], "it was rung just now"


def make_of(model: type) -> object:
    """A row of a model with states, to be put into any of them."""
    release = make_release()
    make = {
        Build: queued_build,
        Contribution: make_contribution,
        Fit: make_fit,
        Publication: make_publication,
        Release: make_release,
        Revision: make_revision,
        UpstreamFetch: lambda: UpstreamFetch.objects.create(component=release.component),
    }
    return make[model]()


@pytest.mark.django_db
@pytest.mark.parametrize("model", [Build, Contribution, Fit, Publication, Release, Revision, UpstreamFetch])
def test_a_state_is_left_only_along_a_drawn_arrow(model: type) -> None:
    row = make_of(model)
    moved = 0
    for here, to in product(model.State.values, repeat=2):
        values = {"reason": "It loses data."} if model is Publication else {}
        model.objects.filter(pk=row.pk).update(state=here, **values)
        row.refresh_from_db()
        if to in model.MOVES.get(here, ()):
            row.move(to)
            assert row.state == to
            moved += 1
        else:
            with pytest.raises(Clash):
                row.move(to)
            row.refresh_from_db()
            assert row.state == here
    assert moved == sum(len(arrows) for arrows in model.MOVES.values())


@pytest.mark.django_db
def test_of_two_moves_from_the_same_state_the_second_is_told_so() -> None:
    contribution = make_contribution()
    same = Contribution.objects.get(pk=contribution.pk)
    contribution.move(Contribution.State.APPROVED)
    with pytest.raises(Clash, match="somebody was first"):
        same.move(Contribution.State.REJECTED)


@pytest.mark.django_db
@pytest.mark.parametrize("change", ["UPDATE contributions_event SET text = 'x'", "DELETE FROM contributions_event"])
def test_the_database_refuses_to_change_the_history(change: str) -> None:
    Event.objects.write(Event.Verb.SUBMITTED, contribution=make_contribution())
    with (
        pytest.raises(IntegrityError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(change)
    assert Event.objects.count() == 1
