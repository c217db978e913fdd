from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import pytest

from contributions.models import Standing
from tests import factories

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db

NO_ROWS = {"make_commit_id", "make_reason"}


def test_every_factory_makes_its_row_with_nothing_given() -> None:
    for name in dir(factories):
        make = getattr(factories, name)
        if name.startswith("make_") and name not in NO_ROWS and not asks_for_something(make):
            assert make().pk, name


def asks_for_something(make: Callable[..., Any]) -> bool:
    given = inspect.signature(make).parameters.values()
    return any(each.default is each.empty and each.kind is each.POSITIONAL_OR_KEYWORD for each in given)


def test_recomputed_evidence_counts_the_builds_and_reports() -> None:
    revision = factories.make_revision()
    contribution = revision.contribution
    release = factories.make_release(contribution.component)
    factories.make_build(revision, release)
    factories.make_report(contribution, release)
    factories.make_vote(contribution)
    factories.recompute(contribution)
    assert (contribution.green_count, contribution.running_count, contribution.up) == (1, 1, 1)
    assert Standing.objects.get(contribution=contribution).score > 0.5
