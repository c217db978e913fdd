"""The search language in REST, and what a search box is offered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from contributions.models import Contribution, Tag
from tests import factories

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.django_db


@pytest.fixture
def patch() -> Iterator[Contribution]:
    component = factories.make_component("swift")
    for name in ("2.35.0", "2.36.0"):
        release = factories.make_release(component, name)
    author = factories.make_person("ada", name="Ada")
    return factories.make_contribution(component=component, release=release, author=author, title="Wait for retries")


def answer(path: str, status: int = 200, **query: str) -> Any:
    given = Client().get(f"/api/v1/{path}", query)
    assert given.status_code == status, given.content
    return json.loads(given.content)


def offered(typed: str) -> dict[str, str]:
    return {one["label"]: one["text"] for one in answer("search/complete/", q=typed)["completions"]}


def test_the_list_takes_the_language(patch: Contribution) -> None:
    other = factories.make_contribution(title="Colour the log", state="approved", component=patch.component)

    def numbers(**query: str) -> list[int]:
        return [row["number"] for row in answer("contributions/", **query)["results"]]

    assert numbers(q="component:swift") == [other.pk, patch.pk]
    assert numbers(q="component:swift order:best") == [other.pk, patch.pk]
    assert numbers(q="log OR retries -colour") == numbers(q="wait retries", order="relevance") == [patch.pk]
    assert numbers(q="-state:approved") == numbers(q="is:open", component="swift") == [patch.pk]


def test_relevance_is_paged_without_gaps(patch: Contribution) -> None:
    made = {patch.pk} | {factories.make_contribution(title=f"Wait for retries {n}").pk for n in range(6)}
    seen: list[int] = []
    page = answer("contributions/", q="retries", order="relevance", page_size="2")
    while True:
        seen += [row["number"] for row in page["results"]]
        if page["next"] is None:
            break
        page = json.loads(Client().get(page["next"]).content)
    assert sorted(seen) == sorted(made)


def test_nonsense_names_the_parameter(patch: Contribution) -> None:
    problem = answer("contributions/", 400, q="compnent:swift")
    assert "Did you mean component:?" in json.dumps(problem, ensure_ascii=False)
    assert "q" in json.dumps(problem.get("errors", problem))
    assert patch.pk


def test_filters_and_their_values_are_completed(patch: Contribution) -> None:
    patch.tags.add(Tag.objects.create(name="speed"))
    Tag.objects.create(name="speedy")
    assert offered("retries comp") == {"component:": "retries component:"}
    assert offered("retries -component:sw") == {"-component:swift": "retries -component:swift "}
    assert offered("component:swift fits:2.3") == {
        "fits:2.36.0": "component:swift fits:2.36.0 ", "fits:2.35.0": "component:swift fits:2.35.0 ",
    }  # fmt: skip
    assert offered("component:nova fits:2.3") == {}
    assert list(offered("state:a")) == ["state:approved"]
    assert list(offered("is:unr")) == ["is:unreviewed"]
    assert list(offered("by:ad")) == ["author:ada"]
    assert list(offered("tag:sp")) == ["tag:speed"]
    assert list(offered("order:re")) == ["order:review", "order:relevance"]
    assert offered("") == offered("zzz:") == offered('"a b') == {}


def test_results_come_as_one_types(patch: Contribution) -> None:
    def results(typed: str) -> list[str]:
        return [one["title"] for one in answer("search/complete/", q=typed)["results"]]

    assert results("retr") == results("wait ret") == results("component:swift ") == ["Wait for retries"]
    assert results("") == results("r") == results("zebra") == results("compnent:x") == []
    Contribution.objects.filter(pk=patch.pk).update(is_draft=True)
    assert results("retr") == []
    assert offered("tag:") == {}
