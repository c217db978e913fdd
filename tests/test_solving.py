"""The order of a stack is the one asked for, but for what must be on before what."""

from __future__ import annotations

import random

import pytest

from contributions.solving import cycle_in, order_of


def test_without_needs_the_order_is_the_one_asked_for() -> None:
    assert order_of([9, 3, 7, 1], {}) == [9, 3, 7, 1]


def test_what_is_needed_goes_first_and_the_rest_stays() -> None:
    assert order_of([9, 3, 7, 1], {9: {7}}) == [3, 7, 9, 1]


def test_what_is_needed_and_not_asked_for_stands_in_nobodys_way() -> None:
    assert order_of([2, 1], {2: {5, 2}}) == [2, 1]


def test_a_hint_is_followed_unless_it_contradicts() -> None:
    assert order_of([1, 2, 3], {1: {2}}, [(3, 1), (1, 2), (1, 3)]) == [2, 3, 1]


@pytest.mark.parametrize(
    ("needs", "circle"),
    [
        ({1: {2}, 2: {3}, 3: {1}}, {1, 2, 3}),
        ({1: {1}}, {1}),
        ({1: {2}, 2: {4}, 4: {2}}, {2, 4}),
        ({1: {2, 3}, 2: {3}, 3: set()}, set()),
        ({}, set()),
    ],
)
def test_a_circle_is_named_each_needing_the_next(needs: dict[int, set[int]], circle: set[int]) -> None:
    found = cycle_in(needs)
    assert set(found) == circle
    assert all(second in needs[first] for first, second in zip(found, (*found[1:], *found[:1]), strict=True))


def test_two_hundred_that_need_each_other_at_random_keep_their_promise() -> None:
    dice = random.Random(7)  # noqa: S311 - the same dice each time
    numbers = list(range(200))
    dice.shuffle(numbers)
    needs = {number: {dice.randrange(number) for _ in range(3)} if number else set() for number in numbers}
    order = order_of(numbers, needs, [(dice.randrange(200), dice.randrange(200)) for _ in range(400)])
    places = {number: place for place, number in enumerate(order)}
    assert sorted(order) == sorted(numbers)
    assert all(places[each] < places[number] for number in numbers for each in needs[number])
    assert cycle_in(needs) == ()
    assert cycle_in(needs | {0: {199}, 199: {0}}) != ()
