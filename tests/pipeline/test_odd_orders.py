"""Doorbells that come twice, late or in the wrong order: each step does its work once, and only when it is due."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from contributions.actions.sources import PatchFile
from contributions.actions.submitting import submit
from contributions.actions.withdrawing import withdraw
from contributions.models import Build, Component, Contribution, Event, Fit, Person, Publication, Recipe, Revision
from contributions.pipeline.building import build
from contributions.pipeline.fitting import fit
from contributions.pipeline.publishing import publish
from contributions.pipeline.receiving import receive
from tests.platform import SONG_MENDED, Upstream

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db


@pytest.fixture
def shared(author: Person, component: Component, recipe: Recipe, upstream: Upstream) -> Contribution:
    """Sent for 1.0, the one release; nothing has been done about it yet."""
    assert recipe
    component.releases.exclude(name="1.0").update(state="retired")
    raw = upstream.patch("1.0", "Count to fifteen in words", song__txt=SONG_MENDED)
    return submit(
        author=author,
        component=component,
        kind="refinement",
        title="Count to fifteen in words",
        release=component.releases.get(name="1.0"),
        source=PatchFile(SimpleUploadedFile("0001.patch", raw)),
    )


def ring_all(model: type, act: Callable[[int], object]) -> None:
    """Every row of the model, and one that is not there."""
    for pk in [*model._base_manager.values_list("pk", flat=True), 10**9]:  # type: ignore[attr-defined]
        act(pk)


BELLS = {
    "receive": lambda: ring_all(Revision, receive),
    "fit": lambda: ring_all(Fit, fit),
    "build": lambda: ring_all(Build, build),
    "publish": lambda: ring_all(Contribution, publish),
}


@pytest.mark.parametrize("order", list(permutations(BELLS)), ids="-".join)
def test_in_whatever_order_the_bells_are_rung_each_thing_is_done_once(
    shared: Contribution, order: tuple[str, ...]
) -> None:
    for _ in range(len(order) + 1):
        for name in order:
            BELLS[name]()
            BELLS[name]()
    built = Build.objects.get()
    assert (built.state, built.attempts) == ("passed", 1)
    assert Fit.objects.get().attempts == Revision.objects.get().attempts == 1
    assert Event.objects.filter(verb__in=[Event.Verb.BUILT, Event.Verb.RECEIVED]).count() == 2
    assert not Publication.objects.exists(), "nobody has approved it"
    assert shared.revisions.count() == 1


def test_what_was_withdrawn_meanwhile_is_never_published(shared: Contribution, author: Person) -> None:
    receive(shared.revisions.get().pk)
    shared.refresh_from_db()
    withdraw(person=author, contribution=shared, reason="It loses data.")
    for bell in (*BELLS.values(), *BELLS.values()):
        bell()
    assert not Publication.objects.exists()
    shared.refresh_from_db()
    assert shared.state == Contribution.State.WITHDRAWN
