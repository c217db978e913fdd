from __future__ import annotations

from contributions.patches.context import Gap, gaps, lines_of, merged, pieces
from contributions.patches.parsing import Hunk


def hunk(old: int, old_count: int, new: int, new_count: int) -> Hunk:
    return Hunk(old, old_count, new, new_count, "", b"")


def test_what_is_hidden_lies_before_between_and_after_the_hunks() -> None:
    hunks = [hunk(10, 7, 10, 9), hunk(40, 7, 42, 5)]
    assert gaps(hunks, 100) == [Gap(1, 1, 9), Gap(17, 19, 23), Gap(47, 47, 54)]


def test_a_hunk_of_no_lines_on_a_side_stands_behind_the_line_that_it_names() -> None:
    assert gaps([hunk(5, 0, 6, 2)], 20) == [Gap(1, 1, 5), Gap(6, 8, 13)]
    assert gaps([hunk(5, 2, 4, 0)], 18) == [Gap(1, 1, 4), Gap(7, 5, 14)]
    assert gaps([hunk(0, 0, 1, 3)], 3) == [Gap(1, 1, 0), Gap(1, 4, 0)]


def test_a_gap_is_cut_where_something_is_wanted() -> None:
    gap = Gap(101, 111, 50)
    assert list(pieces(gap, [])) == [(gap, False)]
    assert list(pieces(gap, [(1, 500)])) == [(gap, True)]
    cut = list(pieces(gap, [(120, 129), (111, 112), (126, 130)]))
    assert cut == [
        (Gap(101, 111, 2), True),
        (Gap(103, 113, 7), False),
        (Gap(110, 120, 11), True),
        (Gap(121, 131, 30), False),
    ]
    assert sum(piece.size for piece, _ in cut) == gap.size


def test_ranges_that_touch_are_one() -> None:
    assert merged([(5, 9), (1, 4), (20, 30), (22, 25)]) == [(1, 9), (20, 30)]


def test_lines_end_at_newlines_alone() -> None:
    assert lines_of(b"a\r\nb\x0cc\n\n") == [b"a\r", b"b\x0cc", b""]
    assert lines_of(b"a\nb") == [b"a", b"b"]
    assert lines_of(b"") == []
