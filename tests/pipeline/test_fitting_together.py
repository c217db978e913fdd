"""One bell judges its neighbours too; each row keeps its own attempt, and nothing is judged twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contributions.actions.sources import PatchFile
from contributions.models import Contribution, Event, Fit, Release
from contributions.pipeline import fitting
from contributions.pipeline.fitting import fit
from contributions.pipeline.leasing import leased_together
from contributions.pipeline.receiving import receive
from tests.factories import make_component, make_fit, make_release, make_revision
from tests.pipeline.test_way_of_a_contribution import share, upload
from tests.platform import SONG_MENDED, Upstream

if TYPE_CHECKING:
    from contributions.models import Component, Person

pytestmark = pytest.mark.django_db


@pytest.fixture
def waiting(author: Person, component: Component, upstream: Upstream) -> list[Fit]:
    """The fits of two contributions on four releases, none of them judged."""
    for number in range(2):
        mail = upstream.patch("1.0", f"Count to fifteen in words, way {number}", song__txt=SONG_MENDED)
        made: Contribution = share(author, component, PatchFile(upload(mail)))
        receive(made.revisions.get().pk)
    return list(Fit.objects.filter(state="queued").order_by("pk"))


def test_one_bell_judges_all_that_waits_and_each_once(waiting: list[Fit]) -> None:
    assert len(waiting) == 8
    fit(waiting[0].pk)
    rows = Fit.objects.filter(pk__in=[row.pk for row in waiting])
    assert not rows.filter(state__in=["queued", "running"]).exists()
    assert set(rows.values_list("attempts", "lease")) == {(1, None)}
    assert Event.objects.filter(verb=Event.Verb.FITTED).count() == 8
    assert fit(waiting[3].pk) == []
    assert Event.objects.filter(verb=Event.Verb.FITTED).count() == 8


def test_what_is_left_when_the_time_is_over_is_rung_for(waiting: list[Fit], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "SECONDS", 0)
    monkeypatch.setattr(fitting, "AT_ONCE", 3)
    queued = fit(waiting[0].pk)
    left = Fit.objects.filter(state="queued")
    assert left.count() == 5
    assert [row.state for row in queued if isinstance(row, Fit)] == ["queued"]


def test_what_was_tried_before_is_tried_alone(waiting: list[Fit]) -> None:
    Fit.objects.filter(pk=waiting[0].pk).update(attempts=1)
    fit(waiting[0].pk)
    assert Fit.objects.filter(state="queued").count() == 7
    Fit.objects.filter(pk=waiting[1].pk).update(attempts=1)
    fit(waiting[2].pk)
    assert list(Fit.objects.filter(state="queued")) == [waiting[1]], "nobody takes it along either"


def test_a_cell_that_fails_is_put_back_and_its_neighbours_are_judged(waiting: list[Fit]) -> None:
    lost = waiting[2]
    Fit.objects.filter(pk=lost.pk).update(release_commit="0" * 40)
    fit(waiting[0].pk)
    lost.refresh_from_db()
    assert (lost.state, lost.attempts, lost.lease) == ("queued", 1, None)
    assert lost.sentence
    assert not Fit.objects.exclude(pk=lost.pk).filter(state__in=["queued", "running"]).exists()


def test_a_row_that_another_worker_took_meanwhile_is_left_to_it(waiting: list[Fit]) -> None:
    rows = [row for row in Fit.objects.claim_all([row.pk for row in waiting]) if row]
    taken = rows[1]
    Fit.objects.filter(pk=taken.pk).update(lease="00000000-0000-4000-8000-000000000000")
    fitting.judge_all(rows)
    taken.refresh_from_db()
    assert taken.state == "running"
    assert Fit.objects.filter(state="running").count() == 1
    assert Event.objects.filter(verb=Event.Verb.FITTED).count() == 7


def test_many_verdicts_are_written_down_by_as_many_statements_as_few(
    author: Person, component: Component, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "UNRECORDED_SECONDS", 600)
    made = []
    for number in range(4):
        mail = upstream.patch("1.0", f"Count to fifteen in words, way {number}", song__txt=SONG_MENDED)
        made.append(share(author, component, PatchFile(upload(mail))))
        receive(made[-1].revisions.get().pk)
    Contribution.objects.update(is_draft=False, shares_at=None)

    def statements(contributions: list[Contribution]) -> int:
        rows = Fit.objects.to_judge().claim_all(
            list(Fit.objects.filter(revision__contribution__in=contributions).values_list("pk", flat=True))
        )
        with CaptureQueriesContext(connection) as asked:
            fitting.judge_all(rows)
        return len(asked)

    assert statements(made[:1]) == statements(made[1:])
    assert set(Fit.objects.values_list("state", flat=True)) == {"applies", "upstream"}
    assert {each.fit_count for each in Contribution.objects.all()} == {2}


def test_the_newest_release_is_taken_first_and_no_other_component_s() -> None:
    component = make_component()
    older, newer = make_release(component, "1.0", position=1), make_release(component, "2.0", position=2)
    revision = make_revision()
    rows = [make_fit(revision, release, state="queued") for release in (older, newer)]
    revision.contribution.component = component
    revision.contribution.save()
    make_fit(state="queued")
    claimed = Fit.objects.claim_neighbours(component.pk, 5)
    assert claimed == [rows[1], rows[0]]
    assert len({row.lease for row in claimed}) == 1
    assert Fit.objects.claim_neighbours(component.pk, 5) == []
    assert Release.objects.filter(component=component).count() == 2


def test_leases_are_renewed_together_and_lost_one_by_one() -> None:
    rows = Fit.objects.claim_all([make_fit(state="queued").pk for _ in range(3)])
    with leased_together(rows) as lease:
        Fit.objects.filter(pk=rows[0].pk).update(lease=None)
        before = dict(Fit.objects.values_list("pk", "lease_until"))
        assert rows[1].renew_with(rows)
        after = dict(Fit.objects.values_list("pk", "lease_until"))
        assert lease.is_held()
    assert after[rows[0].pk] == before[rows[0].pk]
    assert all(after[row.pk] >= before[row.pk] for row in rows[1:])
    Fit.objects.update(lease=None)
    assert not rows[1].renew_with(rows)
