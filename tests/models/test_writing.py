"""One statement saves many rows, each with values of its own, exactly as they are."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contributions.models import Fit
from contributions.models.writing import save_together
from tests import factories

pytestmark = pytest.mark.django_db
AT = datetime(2026, 2, 28, 23, 59, 59, 123456, tzinfo=UTC)
VALUES: list[dict[str, Any]] = [
    {"sentence": 'It\'s "so" \\ — ü\n\t%s', "conflicts": ["a'b.py", "ü", "{}"], "finished_at": AT, "clash": None},
    {"sentence": "", "conflicts": [], "finished_at": None, "clash": None},
    {"sentence": "null", "conflicts": [None, {"deep": [1.5, True]}], "finished_at": AT, "clash": "a blob"},
]


def test_each_row_gets_its_own_values_and_its_neighbours_none_of_them() -> None:
    rows = [factories.make_fit() for _ in VALUES]
    other = factories.make_fit(sentence="Untouched.")
    for row, values in zip(rows, VALUES, strict=True):
        clash = factories.make_blob() if values["clash"] else None
        for name, value in {**values, "clash": clash, "way": "not saved"}.items():
            setattr(row, name, value)
    with CaptureQueriesContext(connection) as asked:
        save_together(rows, ["sentence", "conflicts", "finished_at", "clash"])
    assert len(asked) == 1
    for row, values in zip(rows, VALUES, strict=True):
        kept = Fit.objects.get(pk=row.pk)
        assert {name: getattr(kept, name) for name in ("sentence", "conflicts", "finished_at")} | {
            "clash": values["clash"]
        } == values
        assert (kept.clash, kept.way) == (row.clash, "")
    other.refresh_from_db()
    assert other.sentence == "Untouched."


def test_a_number_is_kept_to_its_last_digit() -> None:
    contribution = factories.make_contribution()
    contribution.score, contribution.waits_since = 0.1 + 0.2, 1795449600.1234567
    save_together([contribution], ["score", "waits_since"])
    kept = type(contribution).objects.get(pk=contribution.pk)
    assert (kept.score, kept.waits_since) == (0.1 + 0.2, 1795449600.1234567)


def test_nothing_costs_nothing() -> None:
    with CaptureQueriesContext(connection) as asked:
        save_together([], ["sentence"])
    assert not asked.captured_queries
