"""Where lines stand now: property by property, and case by case."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, strategies as st

from contributions import anchoring
from contributions.anchoring import Anchor, anchor, find, lines_in, mapped, numbered

LINES = st.lists(st.sampled_from(["", "}", "return x", "    return connection(retries)", "a = 1", "b"]), max_size=30)
ABOVE = st.lists(st.integers(0, 999).map("import module_{}".format), max_size=20)


def as_text(lines: list[str]) -> dict[int, str]:
    return dict(enumerate(lines, 1))


def anchored(lines: list[str], start: int, end: int) -> Anchor:
    found = anchor(as_text(lines), start, end)
    assert found is not None
    return found


def spans(count: int) -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(st.integers(1, count), st.integers(1, count)).map(lambda pair: (min(pair), max(pair)))


@given(st.data(), LINES.filter(lambda lines: len(lines) > 1))
def test_in_the_same_text_everything_stands_where_it_stood_or_is_told_to_be_lost(
    data: st.DataObject, lines: list[str]
) -> None:
    start, end = data.draw(spans(len(lines)))
    (found,) = find([anchored(lines, start, end)], as_text(lines))
    assert found == start or (start, end) == (1, len(lines)), "the whole file has nothing around it that would tell"


@given(st.data(), LINES, LINES.filter(bool))
def test_what_is_found_says_what_was_quoted(data: st.DataObject, now: list[str], then: list[str]) -> None:
    start, end = data.draw(spans(len(then)))
    (found,) = find([anchored(then, start, end)], as_text(now))
    if found is not None:
        assert now[found - 1 : found + end - start] == then[start - 1 : end]


@given(ABOVE, ABOVE, LINES)
def test_lines_that_were_put_above_or_below_move_it_by_just_as_many(
    above: list[str], below: list[str], rest: list[str]
) -> None:
    said = ["def retries():", "    return 5  # as in 2.37", *rest]
    (found,) = find([anchored(said, 1, 2)], as_text([*above, *said, *below]))
    assert found == len(above) + 1


@given(LINES, LINES)
def test_what_was_taken_out_is_found_nowhere(above: list[str], below: list[str]) -> None:
    said = [*above, "timeout = options.timeout", *below]
    assert find([anchored(said, len(above) + 1, len(above) + 1)], as_text([*above, *below])) == [None]


@given(LINES, LINES, st.integers(1, 60))
def test_a_line_maps_to_its_like_where_both_texts_begin_or_end_alike(old: list[str], new: list[str], at: int) -> None:
    guess = mapped(old, new)
    shared = next((n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    if at <= shared:
        assert guess(at) == at


def test_of_several_that_are_the_same_all_around_the_nearest_is_meant() -> None:
    block = ["def a():", "    lock()", "    run()", "    unlock()", "    return 1", ""]
    said = block * 6
    held = anchored(said, 2 * 6 + 3, 2 * 6 + 3)
    assert find([held], as_text(["import os", *said])) == [2 * 6 + 4]


def test_where_the_line_went_is_guessed_by_what_stayed_above_and_below() -> None:
    block = ["def a():", "    lock()", "    run()", "    unlock()", "    return 1", ""]
    old = block * 12
    new = ["# one line more"] * 14 + old
    held = anchored(old, 5 * 6 + 3, 5 * 6 + 3)
    assert find([held], as_text(new), mapped(old, new)) == [14 + 5 * 6 + 3]
    assert find([held], as_text(new)) != [14 + 5 * 6 + 3], "the control: by its number alone it is another one"


def test_a_line_whose_surroundings_changed_is_found_if_it_tells_enough() -> None:
    said = ["a", "b", "    backoff = options.backoff or 1", "c", "d"]
    assert find([anchored(said, 3, 3)], as_text(["x", *said[2:3], "y"])) == [2]


def test_a_brace_that_stands_somewhere_else_is_not_the_one_that_was_meant() -> None:
    said = ["if a:", "{", "f();", "}", "else", "{", "g();", "}"]
    assert find([anchored(said, 4, 4)], as_text(["struct x", "{", "int y;", "}"])) == [None]


def test_a_line_that_stands_twice_in_other_surroundings_is_not_guessed_at() -> None:
    said = ["a", "    backoff = options.backoff or 1", "b"]
    assert find([anchored(said, 2, 2)], as_text(["x", said[1], "y", said[1], "z"])) == [None]


def test_blanks_at_the_end_and_carriage_returns_part_nothing() -> None:
    then = numbered(b"one\ntwo of them are here\nthree\n")
    now = numbered(b"zero\r\none \r\ntwo of them are here  \r\nthree\t\r\n")
    held = anchor(then, 2, 2)
    assert held is not None
    assert find([held], now) == [3]


def test_of_a_text_with_gaps_only_what_is_known_is_quoted() -> None:
    lines = {10: "ten", 11: "eleven", 20: "twenty"}
    assert anchor(lines, 10, 11) == Anchor(10, ("ten", "eleven"), (), ())
    assert anchor(lines, 11, 12) is None
    assert anchor(lines, 1, 1) is None


def test_two_hundred_remarks_on_a_file_of_ten_megabytes_are_found_in_seconds() -> None:
    text = numbered(b"\n" * 150_000 + b"".join(b"    line number %d of many\n" % n for n in range(300_000)))
    blank = [anchor(text, n * 700 + 7, n * 700 + 7) for n in range(100)]
    telling = [anchor(text, 150_100 + n, 150_103 + n) for n in range(100)]
    began = time.process_time()
    found = find([held for held in (*blank, *telling) if held], {1: "new", **{n + 1: line for n, line in text.items()}})
    assert time.process_time() - began < 5
    assert found[100:] == [150_101 + n for n in range(100)]


@pytest.mark.parametrize(
    ("text", "lines"),
    [("", []), ("\n", [""]), ("a", ["a"]), ("a\n", ["a"]), ("a\n\n", ["a", ""]), ("a\nb", ["a", "b"])],
)
def test_a_suggestion_is_lines(text: str, lines: list[str]) -> None:
    assert lines_in(text) == lines


def test_long_lines_and_odd_bytes_are_kept_within_bounds() -> None:
    (line,) = numbered(b"\0\xff" + b"x" * 10_000_000).values()
    assert len(line) == anchoring.LONGEST_LINE
    assert line.startswith("␀\ufffdx")
