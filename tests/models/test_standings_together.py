"""Contributions that are counted together stand where each would stand alone."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from contributions.models import Contribution, Standing, Transfer
from contributions.models.standing import COUNTED, TOTALS
from tests import factories

if TYPE_CHECKING:
    from contributions.models import Component

pytestmark = pytest.mark.django_db


def said_of(contribution: Contribution, component: Component, dice: random.Random) -> None:
    """Something of everything that is counted, by chance."""
    releases = list(component.releases.order_by("pk"))
    first, current = (
        contribution.current,
        factories.make_revision(contribution, carries={"1": dice.choice(["same", "partly"])}),
    )
    for release in releases:
        factories.make_fit(current, release, state=dice.choice(["applies", "merges", "upstream", "conflicts"]))
        for _ in range(dice.randrange(3)):
            factories.make_build(current, release, state=dice.choice(["passed", "failed"]))
        for _ in range(dice.randrange(3)):
            given = {"outcome": dice.choice(["works", "partly", "broken"]), "stage": dice.choice(["lab", "production"])}
            age = timedelta(days=dice.randrange(300))
            revision = dice.choice([first, current])
            factories.make_report(contribution, release, revision=revision, reported_at=timezone.now() - age, **given)
    for _ in range(dice.randrange(4)):
        factories.make_vote(contribution, dice.choice([1, -1]), revision=dice.choice([first, current, None]))
    if dice.random() < 0.5:
        port = factories.make_port(current, dice.choice(releases))
        factories.make_fit(port, port.release)
        factories.make_build(port, port.release)
    if dice.random() < 0.5:
        factories.make_review(dice.choice([first, current]), verdict=dice.choice(["approve", "reject"]))
    factories.make_comment(contribution, is_question=dice.random() < 0.5)
    own = factories.make_organisation(owner=contribution.author)
    factories.make_report(contribution, releases[0], revision=current, organisation=own)
    giver = factories.make_person()
    Transfer.objects.create(contribution=contribution, giver=giver, taker=contribution.author, state="accepted")
    factories.make_report(contribution, releases[1], revision=current, author=giver)


def standing() -> dict[Any, Any]:
    """All that is counted, by what it is of."""
    rows = Standing.objects.values("contribution", "release", *COUNTED)
    found: dict[Any, Any] = {(row.pop("contribution"), row.pop("release")): row for row in rows}
    return found | {row.pop("pk"): row for row in Contribution.objects.values("pk", *TOTALS)}


@pytest.fixture
def component() -> Component:
    component = factories.make_component()
    for position, name in enumerate(("1.0", "2.0", "3.0rc1")):
        release = factories.make_release(component, name, position=position, is_candidate="rc" in name)
        if position:
            factories.make_build(None, release, state=("failed", "passed")[position % 2])
    return component


@pytest.mark.parametrize("seed", range(5))
def test_counted_together_is_counted_alone(component: Component, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    dice = random.Random(seed)  # noqa: S311 - chance, no secret
    made = [factories.make_contribution(component=component) for _ in range(4)]
    for contribution in made:
        said_of(contribution, component, dice)
    note = factories.make_contribution(component=component, kind="experience")
    note.holds_for.set(component.releases.filter(name="1.0"))
    elsewhere = factories.make_contribution()
    factories.make_vote(elsewhere)
    keys = [row.pk for row in (*made, note, elsewhere)]
    now = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now)  # what is said grows older between two counts
    Standing.objects.recompute_all(keys)
    together = standing()
    Standing.objects.all().delete()
    Contribution.objects.update(up=0, score=0, activity=0, release_count=9)
    for contribution in Contribution.objects.filter(pk__in=keys):
        Standing.objects.recompute(contribution)
    assert standing() == together
    assert len({value["score"] for value in together.values()}) > len(made), "they are not all alike"
    assert [release for pk, release in (key for key in together if isinstance(key, tuple)) if pk == note.pk] == [
        component.releases.get(name="1.0").pk
    ]


def test_many_are_counted_by_as_many_statements_as_one(component: Component) -> None:
    made = [factories.make_contribution(component=component) for _ in range(12)]

    def statements(some: list[Contribution]) -> int:
        for contribution in some:
            said_of(contribution, component, random.Random(3))  # noqa: S311 - the same for each
        with CaptureQueriesContext(connection) as asked:
            Standing.objects.recompute_all([row.pk for row in some])
        return len(asked)

    assert statements(made[:1]) == statements(made[1:])


def test_what_is_as_it_was_is_not_written_again(component: Component) -> None:
    contribution = factories.make_contribution(component=component)
    factories.make_vote(contribution)
    Standing.objects.recompute_all([contribution.pk])
    with CaptureQueriesContext(connection) as asked:
        Standing.objects.recompute_all([contribution.pk])
    assert not [query for query in asked if query["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]
    factories.make_vote(contribution)
    Standing.objects.recompute_all([contribution.pk])
    contribution.refresh_from_db()
    assert contribution.up == 2


def test_a_release_that_is_retired_is_counted_no_more(component: Component) -> None:
    contribution = factories.make_contribution(component=component)
    Standing.objects.recompute_all([contribution.pk])
    component.releases.filter(name="1.0").update(state="retired")
    Standing.objects.recompute_all([contribution.pk])
    assert not Standing.objects.filter(release__name="1.0").exists()
    assert Standing.objects.count() == 2
