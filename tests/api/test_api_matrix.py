"""The matrix for machines: a page of JSON, and all of it as CSV."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contributions.models import Contribution
from tests import factories

if TYPE_CHECKING:
    from contributions.models import Release
    from tests.api.conftest import Caller

pytestmark = pytest.mark.django_db
ADDRESS = "components/nova/matrix"


@pytest.fixture
def releases() -> list[Release]:
    component = factories.make_component("nova")
    return [factories.make_release(component, "1.0"), factories.make_release(component, "2.0rc1", is_candidate=True)]


def share(release: Release, title: str = "A patch", **given: object) -> Contribution:
    made: Contribution = factories.make_contribution(component=release.component, title=title)
    factories.make_fit(made.current, release, **given)
    factories.recompute(made)
    return made


def table(caller: Caller, query: str = "") -> list[dict[str, str]]:
    answer = caller.get(f"{ADDRESS}.csv?{query}")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.whole.decode())))


def test_a_page_tells_columns_and_cells_with_reasons(stranger: Caller, releases: list[Release]) -> None:
    patch = share(releases[0], state="conflicts", conflicts=["a.py"])
    told = stranger.get(f"{ADDRESS}/").json()
    assert [(column["release"], column["is_candidate"]) for column in told["columns"]] == [
        ("2.0rc1", True), ("1.0", False),
    ]  # fmt: skip
    assert told["columns"][1]["counts"] == {"applies": 0, "upstream": 0, "conflicts": 1, "other": 0, "waiting": 0}
    [row] = told["results"]
    assert (row["number"], row["page"]) == (patch.pk, f"http://testserver/contributions/{patch.pk}/")
    assert [cell["state"] for cell in row["cells"]] == ["", "conflicts"]
    assert row["cells"][1]["why"] == "a.py conflicts."
    assert row["cells"][1]["conflicts"] == ["a.py"]


def test_pages_follow_each_other_and_a_filter_narrows_them(stranger: Caller, releases: list[Release]) -> None:
    made = {share(releases[0], state="conflicts" if number % 2 else "applies").pk for number in range(5)}
    assert {row["number"] for row in stranger.all_pages(f"{ADDRESS}/?page_size=2")} == made
    narrowed = stranger.get(f"{ADDRESS}/?q=conflicts:1.0").json()
    assert len(narrowed["results"]) == 2
    assert narrowed["columns"][1]["counts"]["applies"] == 0
    assert stranger.get(f"{ADDRESS}/?q=nonsense:1").status_code == 400
    assert stranger.get("components/nowhere/matrix/").status_code == 404


def test_the_table_has_a_line_for_each_and_calculates_nothing(stranger: Caller, releases: list[Release]) -> None:
    evil = share(releases[0], "=HYPERLINK(1)", state="upstream")
    factories.make_build(evil.current, releases[0], state="failed")
    factories.recompute(evil)
    share(releases[0], "Gone", state="conflicts")
    [line] = table(stranger, "q=upstream:1.0")
    assert line["title"] == "'=HYPERLINK(1)"
    assert (line["number"], line["1.0"], line["1.0 build"], line["2.0rc1"]) == (str(evil.pk), "upstream", "failed", "")
    assert len(table(stranger)) == 2


def test_a_table_of_many_costs_a_few_queries_for_each_chunk(
    stranger: Caller, releases: list[Release], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("contributions.api.matrix.AT_ONCE", 2)
    made = {str(share(releases[0]).pk) for _ in range(5)}
    with CaptureQueriesContext(connection) as captured:
        lines = table(stranger)
    assert {line["number"] for line in lines} == made
    assert len(captured) <= 4 + 3 * 2


def test_a_draft_is_in_no_table_but_its_authors(stranger: Caller, releases: list[Release], member: Caller) -> None:
    draft = share(releases[0])
    Contribution.objects.filter(pk=draft.pk).update(is_draft=True)
    assert (table(stranger), stranger.get(f"{ADDRESS}/").json()["results"]) == ([], [])
    assert stranger.get(f"{ADDRESS}/").json()["columns"][1]["counts"]["applies"] == 0
    Contribution.objects.filter(pk=draft.pk).update(author=member.person)
    assert len(table(member)) == 1
