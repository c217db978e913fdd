"""In which order several processes take the files of tests, so that one computes while another waits."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pytest

# Rooms whose tests wait for processes, leases and limits, or take long for their number: none may be the last to run.
SLOW = frozenset(
    {"browser", "client", "demo", "forks", "portal", "recall", "sandbox", "signing", "stacks", "tuf", "worker"}
)
BETWEEN = 2  # files of other rooms between two of these


def in_turns(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """File by file: a slow one, then two others, those with the most tests first."""
    files: dict[str, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.nodeid.partition("::")[0], []).append(item)
    ordered = sorted(files, key=lambda name: -len(files[name]))
    slow = [name for name in ordered if name.split("/")[1] in SLOW]
    others = [name for name in ordered if name.split("/")[1] not in SLOW]
    return [item for name in _mixed(slow, others) for item in files[name]]


def _mixed(slow: Sequence[str], others: Sequence[str]) -> Iterator[str]:
    rest = iter(others)
    for name in slow:
        yield name
        yield from islice(rest, BETWEEN)
    yield from rest
