"""A patch that lost, doubled or swapped one line on its way, or its end: the exact tree, or a refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contributions.checkout.commits import make_commits
from contributions.errors import Refusal
from contributions.patches import read_series
from tests.patches.workshop import AT, COMMITTER, Workshop, as_texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Rows = list[bytes]


def lost(rows: Rows, at: int) -> Rows:
    return rows[:at] + rows[at + 1 :]


def doubled(rows: Rows, at: int) -> Rows:
    return rows[: at + 1] + rows[at:]


def swapped(rows: Rows, at: int) -> Rows:
    return rows[:at] + rows[at : at + 2][::-1] + rows[at + 2 :]


def cut(rows: Rows, at: int) -> Rows:
    return [*rows[:at], b""]


@pytest.mark.parametrize("bruise", [lost, doubled, swapped, cut], ids=lambda bruise: bruise.__name__)
def test_no_bruise_makes_another_tree(shop: Workshop, bruise: Callable[[Rows, int], Rows]) -> None:
    mail = shop.format_patch("-M")
    whole = read_series(mail).patches[0].diff
    trees = {shop.tree(made) for made in _made(shop, mail, whole, bruise)}
    assert trees <= {shop.tree(shop.tip)}


def _made(shop: Workshop, mail: bytes, whole: bytes, bruise: Callable[[Rows, int], Rows]) -> Iterator[str]:
    rows = mail.split(b"\n")
    for at in range(rows.index(b"---"), len(rows) - 1):
        try:
            series = read_series(b"\n".join(bruise(rows, at)))
            if [patch.diff for patch in series.patches] == [whole]:
                continue
            yield make_commits(shop.repo, shop.base, as_texts(series), committer=COMMITTER, at=AT).tip
        except Refusal:
            continue
