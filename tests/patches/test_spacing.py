from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from contributions.patches import parse_diff
from contributions.patches.spacing import without_spacing

if TYPE_CHECKING:
    from pathlib import Path

    from contributions.patches import Hunk


def hunks_of(place: Path, old: str, new: str, *options: str) -> tuple[Hunk, ...]:
    """What real git says of two files."""
    (place / "a").write_text(old)
    (place / "b").write_text(new)
    command = ["git", "diff", "--no-index", "--no-color", *options, "a", "b"]
    diff = subprocess.run(command, cwd=place, check=False, capture_output=True).stdout
    return parse_diff(diff)[0].hunks if diff else ()


def changes(hunks: list[Hunk] | tuple[Hunk, ...]) -> list[tuple[str, int | None, int | None, bytes]]:
    return [tuple(line) for hunk in hunks for line in hunk.lines if line.kind in "+-"]


def numbers(hunk: Hunk) -> tuple[int, int, int, int]:
    return hunk.old_start, hunk.old_count, hunk.new_start, hunk.new_count


BODY = "".join(f"    step({n})\n" for n in range(30))
CASES = {
    "wrapped": (f"def f():\n{BODY}", "def f():\n    if x:\n" + BODY.replace("    ", "        ")),
    "one real change": (f"a\n{BODY}z\n", "a\n" + BODY.replace("    ", "\t").replace("step(9)", "leap(9)") + "z\n"),
    "two real changes": (BODY, BODY.replace("    ", "  ").replace("(2)", "(two)").replace("(27)", "(twenty-seven)")),
    "nothing else": (BODY, BODY.replace("    ", "\t")),
    "nothing of the kind": (BODY, BODY.replace("(7)", "(seven)")),
    "an added line": (BODY, BODY.replace("    step(5)\n", "\tstep(5)\n\tstep(5.5)\n")),
    "a removed line": (BODY, BODY.replace("    step(5)\n", "").replace("    step(6)", "\tstep(6)")),
}


@pytest.mark.parametrize("case", CASES)
def test_the_same_lines_are_changed_as_git_says_without_blanks(case: str, tmp_path: Path) -> None:
    old, new = CASES[case]
    ours = [left for hunk in hunks_of(tmp_path, old, new) for left in without_spacing(hunk)]
    gits = hunks_of(tmp_path, old, new, "-w")
    assert changes(ours) == changes(gits)
    assert [numbers(hunk) for hunk in ours] == [numbers(hunk) for hunk in gits]
    for hunk in ours:
        kinds = [line.kind for line in hunk.lines]
        assert kinds.count("+") == hunk.added
        assert kinds.count("-") == hunk.removed
        assert kinds.count(" ") + hunk.added == hunk.new_count
        assert kinds.count(" ") + hunk.removed == hunk.old_count


def test_a_missing_newline_at_the_end_stays_a_change(tmp_path: Path) -> None:
    hunks = hunks_of(tmp_path, "a\nb\n", "a\nb")
    left = [each for hunk in hunks for each in without_spacing(hunk)]
    assert [line.kind for hunk in left for line in hunk.lines] == [" ", "-", "+", "\\"]


def test_the_largest_file_costs_little(tmp_path: Path) -> None:
    lines = [f"line {n * 7919 % 10_007} {n % 13}" for n in range(10_000)]
    old, same = "\n".join(lines), "\n".join("\t" + line for line in lines)
    mixed = "\n".join(line if n % 3 else f"\t{line[::-1]}" for n, line in enumerate(lines))
    alike = "\n".join(["x", "y"] * 5000), "\n".join([" y", " x", " x"] * 3300)
    for before, after in ((old, same), (old, mixed), alike):
        hunks = hunks_of(tmp_path, before, after)
        started = time.process_time()
        for hunk in hunks:
            without_spacing(hunk)
        assert time.process_time() - started < 4
