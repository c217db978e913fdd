from __future__ import annotations

import base64
import json
import random
import re
from typing import TYPE_CHECKING

import pytest
from django.test import Client

from contributions.models import Contribution
from tests import factories

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.django_db

COUNT = 65  # two whole pages and a bit


@pytest.fixture
def many() -> list[int]:
    """Contributions with few different scores and counts, so that ties fall on the edges of pages."""
    lots = random.Random(7)  # noqa: S311 - a fixed choice, not a secret
    component, author = factories.make_component("swift"), factories.make_person()
    first = factories.make_contribution(component=component, author=author)
    made = Contribution.objects.bulk_create(
        Contribution(
            component=component,
            author=author,
            current=first.current,
            kind="refinement",
            title="A fix",
            score=lots.choice([0.0, 0.1, 0.30000000000000004]),
            activity=lots.choice([1.5, 2.5]),
            running_count=lots.choice([0, 1]),
            state=lots.choice(["open", "approved", "rejected"]),
            waits_since=lots.choice([1.5, 2.5]),
        )
        for _ in range(COUNT - 1)
    )
    return [first.pk, *(contribution.pk for contribution in made)]


def walk(url: str, direction: str = "next") -> Iterator[list[int]]:
    """The keys on each page, following the links as a reader does."""
    client = Client()
    while True:
        text = client.get(url).content.decode()
        yield [int(key) for key in re.findall(r'class="row-title" href="/contributions/(\d+)/"', text)]
        found = re.search(rf'rel="{direction}" href="([^"]+)"', text)
        if found is None:
            return
        url = f"/contributions/{found.group(1).replace('&amp;', '&')}"


@pytest.mark.parametrize("order", Contribution.ORDERS)
def test_walking_the_pages_meets_every_row_once_and_in_order(many: list[int], order: str) -> None:
    del many
    pages = list(walk(f"/contributions/?order={order}&component=swift"))
    rows = Contribution.objects.unreviewed() if order == "review" else Contribution.objects.all()
    expected = list(rows.order_by(*Contribution.ORDERS[order]).values_list("pk", flat=True))
    assert len(pages) == -(-len(expected) // 30)
    assert len(expected) > 20
    assert [key for page in pages for key in page] == expected


def test_walking_back_meets_the_same_pages(many: list[int]) -> None:
    del many
    client = Client()
    url = "/contributions/?order=best"
    for _ in range(2):
        text = client.get(url).content.decode()
        url = "/contributions/" + re.search(r'rel="next" href="([^"]+)"', text).group(1).replace("&amp;", "&")  # type: ignore[union-attr]
    forth = list(walk("/contributions/?order=best"))
    back = list(walk(url, "prev"))
    assert back == forth[::-1]


def test_rows_added_meanwhile_neither_double_nor_hide_others(many: list[int]) -> None:
    pages = walk("/contributions/?order=newest")
    seen = next(pages)
    for _ in range(10):
        factories.make_contribution()
    for page in pages:
        seen += page
    assert seen == sorted(many, reverse=True)


def crooked(*values: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode()


CURSORS = [
    "x", "====", "AAAA", "%FF", "ü", "W10", "bnVsbA", "a" * 5000, crooked(), crooked(0), crooked(0, "x"),
    crooked(0, None), crooked(0, True), crooked(0, [1]), crooked(0, {"a": 1}), crooked(2, 1), crooked(0, 1, 2, 3, 4),
    crooked(0, float("nan")), crooked(0, float("inf")), crooked(0, 10**30), crooked(0, -(10**30)), crooked("0", 1),
    base64.urlsafe_b64encode(b"[" * 300).decode(),
]  # fmt: skip


@pytest.mark.parametrize("cursor", CURSORS)
def test_a_bad_cursor_is_told_in_a_sentence(cursor: str) -> None:
    for order in Contribution.ORDERS:
        answer = Client().get("/contributions/", {"order": order, "page": cursor})
        assert answer.status_code == 400, order
        assert b"does not point into the list" in answer.content


def test_a_cursor_beyond_the_end_shows_an_empty_page_and_a_way_back() -> None:
    answer = Client().get("/contributions/", {"order": "newest", "page": crooked(0, -5)})
    assert answer.status_code == 200
    assert b'rel="prev"' in answer.content


def test_a_time_in_a_cursor_where_a_number_belongs_is_refused() -> None:
    answer = Client().get("/contributions/", {"order": "newest", "page": crooked(0, "2026-01-01T00:00:00+00:00")})
    assert answer.status_code == 400
