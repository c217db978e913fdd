"""The order of a stack: what must be on before what, else as near as can be to the order that was asked for."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence, Set as AbstractSet

    Needs = Mapping[int, AbstractSet[int]]


def order_of(asked: Sequence[int], needs: Needs, hints: Iterable[tuple[int, int]] = ()) -> list[int]:
    """Each after all that it needs, else by its place in `asked`; `needs` holds no cycle.

    A hint (first, second) is followed unless that would make a cycle with what is needed and the hints before it.
    """
    known = frozenset(asked)
    after = {number: set(needs.get(number, ())) & known - {number} for number in asked}
    for first, second in hints:
        if {first, second} <= known and not _reaches(after, first, second):
            after[second].add(first)
    return _sorted(asked, after)


def _sorted(asked: Sequence[int], after: Needs) -> list[int]:
    places = {number: place for place, number in enumerate(asked)}
    waiting = {number: len(before) for number, before in after.items()}
    behind: dict[int, list[int]] = {number: [] for number in asked}
    for number, before in after.items():
        for each in before:
            behind[each].append(number)
    free = [places[number] for number, count in waiting.items() if not count]
    heapq.heapify(free)
    order = []
    while free:
        number = asked[heapq.heappop(free)]
        order.append(number)
        for each in behind[number]:
            waiting[each] -= 1
            if not waiting[each]:
                heapq.heappush(free, places[each])
    if len(order) != len(asked):
        raise AssertionError("Who asks for an order looks for cycles first.")
    return order


def _reaches(after: Needs, start: int, goal: int) -> bool:
    """Whether `start` comes after `goal`, directly or by way of others."""
    seen, waiting = set(), [start]
    while waiting:
        number = waiting.pop()
        if number == goal:
            return True
        if number not in seen:
            seen.add(number)
            waiting += after.get(number, ())
    return False


def cycle_in(needs: Needs) -> tuple[int, ...]:
    """Some that need each other in a circle, each needing the next one and the last the first; empty if none do."""
    done: set[int] = set()
    for start in sorted(needs):
        path: list[int] = []
        on_path: set[int] = set()
        waiting = [(start, iter(sorted(needs[start])))] if start not in done else []
        while waiting:
            number, rest = waiting[-1]
            if number not in on_path:
                path.append(number)
                on_path.add(number)
            step = next((each for each in rest if each not in done), None)
            if step is None:
                done.add(number)
                on_path.discard(path.pop())
                waiting.pop()
            elif step in on_path:
                return tuple(path[path.index(step) :])
            else:
                waiting.append((step, iter(sorted(needs.get(step, ())))))
    return ()
