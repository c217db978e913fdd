"""A worker that is killed in the middle of a batch of fits: what it recorded stays, the rest is judged once more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.db.models import Count

from contributions.actions.sources import PatchFile
from contributions.actions.submitting import submit
from contributions.models import Component, Contribution, Event, Fit, Person
from contributions.pipeline import fitting
from contributions.pipeline.receiving import receive
from tests.platform import SONG_MENDED, Upstream

from .conftest import Crew, wait_for

if TYPE_CHECKING:
    from django.db.models import QuerySet

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def batch(author: Person, component: Component, upstream: Upstream) -> list[Contribution]:
    """Four patches on four releases: sixteen fits that one bell judges together."""
    made = []
    for number in range(4):
        mail = upstream.patch("1.0", f"Count to fifteen in words, way {number}", song__txt=SONG_MENDED)
        title, release = f"Count, way {number}", component.releases.get(name="1.0")
        source = PatchFile(SimpleUploadedFile("0001.patch", mail))
        given = {"author": author, "component": component, "kind": "refinement", "title": title}
        made.append(submit(release=release, source=source, **given))
        receive(made[-1].revisions.get().pk)
    return made


def fits_of(contributions: list[Contribution]) -> QuerySet[Fit]:
    return Fit.objects.filter(revision__contribution__in=contributions)


def test_a_batch_killed_half_way_ends_with_each_row_judged_once(
    crew: Crew, batch: list[Contribution], monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = fits_of(batch)
    assert everything.filter(state="queued").count() == 16
    monkeypatch.setattr(fitting, "AT_ONCE", 8)
    monkeypatch.setattr(fitting, "SECONDS", 0)
    fitting.fit(everything.filter(release__name="4.0")[0].pk)
    first = everything.filter(pk__in=list(everything.filter(attempts=1).values_list("pk", flat=True)))
    rest = everything.exclude(pk__in=first)
    assert (first.count(), rest.count()) == (8, 8)
    crew.start_beat()
    with transaction.atomic():
        Contribution.objects.select_for_update().get(pk=batch[2].pk)  # the worker waits here, two others locked
        worker = crew.start_worker()
        wait_for(_waits_for_a_lock, "the verdicts to be written down")
        assert set(rest.values_list("state", "attempts")) == {("running", 1)}, "none of them is, without the others"
        crew.kill(worker)
    crew.start_worker()
    wait_for(lambda: not everything.filter(state__in=["queued", "running"]).exists(), "the other half")
    assert set(first.values_list("attempts", "lease")) == {(1, None)}, "what was recorded was not begun again"
    assert set(rest.values_list("attempts", "lease")) == {(2, None)}
    states = everything.values_list("release__name", "state").distinct().order_by("release__name")
    assert dict(states) == {"1.0": "applies", "2.0": "applies", "3.0": "upstream", "4.0": "upstream"}
    told = Event.objects.filter(verb=Event.Verb.FITTED).order_by().values("revision", "release")
    assert list(told.annotate(times=Count("pk")).values_list("times", flat=True)) == [1] * 16
    assert {each.fit_count for each in Contribution.objects.all()} == {2}


def _waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])
