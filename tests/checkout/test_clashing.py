"""Both sides of what conflicts, cut out of real merges."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from contributions.checkout.bench import Bench
from contributions.checkout.clashing import (
    LARGEST,
    LONGEST_LINE,
    MOST_BYTES,
    MOST_HUNKS,
    MOST_LINES,
    How,
    find_clashes,
)
from contributions.checkout.explaining import explain
from contributions.checkout.merging import Merger
from contributions.checkout.runner import git
from tests.checkout.stories import TEXT, Story, changed

if TYPE_CHECKING:
    from pathlib import Path

    from contributions.checkout.clashing import Clash
    from tests.checkout.stories import Content

FIX = changed(TEXT, 10, "line ten\n")


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(tmp_path / "mirror.git")


def clashes(
    story: Story, base: dict[str, Content], ours: dict[str, Content], theirs: dict[str, Content]
) -> list[Clash]:
    """What conflicts when upstream made `ours` of the base and the patch `theirs`."""
    start = story.commit(base)
    tip = story.commit(theirs, on="patch", start=start)
    return list(explain(story.path, start, tip, story.commit(ours)).clashes)


def test_both_sides_stand_with_their_numbers_and_what_is_around(story: Story) -> None:
    ours = "new first\n" + changed(TEXT, 10, "zehn\nzehneinhalb\n")
    [clash] = clashes(story, {"a.txt": TEXT}, {"a.txt": ours}, {"a.txt": FIX})
    assert (clash.path, clash.how, clash.count) == ("a.txt", How.CONTENT, 1)
    [hunk] = clash.hunks
    assert hunk.base == (10, ["line 10"], 0)
    assert hunk.ours == (11, ["zehn", "zehneinhalb"], 0)
    assert hunk.theirs == (10, ["line ten"], 0)
    assert hunk.before == ["line 7", "line 8", "line 9"]
    assert hunk.after == ["line 11", "line 12", "line 13"]


def test_what_only_one_side_changed_is_no_part_of_it(story: Story) -> None:
    ours = changed(changed(TEXT, 10, "zehn\n"), 30, "dreissig\n")
    theirs = changed(FIX, 20, "line twenty\n")
    [clash] = clashes(story, {"a.txt": TEXT}, {"a.txt": ours}, {"a.txt": theirs})
    assert [hunk.base.lines for hunk in clash.hunks] == [["line 10"]]


def test_what_both_changed_into_the_same_is_no_part_of_it(story: Story) -> None:
    both = changed(TEXT, 30, "thirty\n")
    [clash] = clashes(
        story, {"a.txt": TEXT}, {"a.txt": changed(both, 10, "zehn\n")}, {"a.txt": changed(both, 10, "ten\n")}
    )
    assert [hunk.base.lines for hunk in clash.hunks] == [["line 10"]]


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "how"),
    [
        ({"a": TEXT}, {"a": None}, {"a": FIX}, How.GONE_HERE),
        ({"a": TEXT}, {"a": FIX}, {"a": None}, How.GONE_THERE),
        ({"z": "z"}, {"a": "one\n"}, {"a": "two\n"}, How.ADDED_TWICE),
        ({"a": b"\0one"}, {"a": b"\0two"}, {"a": b"\0three"}, How.BINARY),
        ({"a": "x" * LARGEST}, {"a": "y" * LARGEST + "y"}, {"a": "z"}, How.LARGE),
        ({"a": ("120000", b"b")}, {"a": ("120000", b"c")}, {"a": ("120000", b"d")}, How.LINK),
        (
            {"a": ("160000", b"1" * 40)},
            {"a": ("160000", b"2" * 40)},
            {"a": ("160000", b"3" * 40)},
            How.SUBMODULE,
        ),
        ({"a": TEXT}, {"a": None, "b": TEXT}, {"a": None, "c": TEXT}, How.MOVED),
    ],
)
def test_what_is_no_text_is_told_in_words(
    story: Story, base: dict[str, Content], ours: dict[str, Content], theirs: dict[str, Content], how: How
) -> None:
    found = clashes(story, {"keep": "it", **base}, ours, theirs)
    assert how in {clash.how for clash in found}
    if how is not How.ADDED_TWICE:
        assert all(clash.hunks == () for clash in found)


def test_of_what_both_added_all_is_shown(story: Story) -> None:
    [clash] = clashes(story, {"z": "z"}, {"a": "one\n"}, {"a": "two\nthree\n"})
    [hunk] = clash.hunks
    assert (hunk.base.lines, hunk.ours.lines, hunk.theirs.lines) == ([], ["one"], ["two", "three"])


@pytest.mark.attack("G34")
@pytest.mark.parametrize("most", ["hunks", "lines", "letters"])
def test_however_much_conflicts_what_is_kept_is_bounded(story: Story, most: str) -> None:
    lines = {"hunks": (3000, 5), "lines": (3000, 1), "letters": (40, 20_000)}[most]
    base = [f"{number}" for number in range(lines[0])]
    sides = [list(base), list(base)]
    for side, letter in zip(sides, "xy", strict=True):
        for number in range(0, lines[0], lines[1] if most != "letters" else 1):
            side[number] = letter * (lines[1] if most == "letters" else 3)
    texts = ["\n".join(side) + "\n" for side in (base, *sides)]
    [clash] = clashes(story, *({"a.txt": text} for text in texts))
    kept = [line for hunk in clash.hunks for line in (*hunk.base.lines, *hunk.ours.lines, *hunk.theirs.lines)]
    assert clash.count == (600 if most == "hunks" else 1)
    assert 0 < len(clash.hunks) <= MOST_HUNKS
    assert sum(map(len, kept)) <= MOST_BYTES
    assert max(map(len, kept)) <= LONGEST_LINE
    assert all(len(hunk.ours.lines) <= MOST_LINES for hunk in clash.hunks)
    if most == "lines":
        assert clash.hunks[0].ours.cut == 3000 - MOST_LINES


@pytest.mark.parametrize("seed", range(6))
def test_the_sides_are_those_that_git_marks(story: Story, seed: int) -> None:
    """The oracle: what git writes between its own marks, out of texts that were changed at random."""
    dice = random.Random(seed)  # noqa: S311 - no secret
    base = [f"{number % 7}" for number in range(60)]
    texts = ["\n".join(_shaken(base, dice, word)) + "\n" for word in ("", "o", "t")]
    start = story.commit({"a.txt": "\n".join(base) + "\n"})
    tip = story.commit({"a.txt": texts[2]}, on="patch", start=start)
    release = story.commit({"a.txt": texts[1]})
    with Bench(story.path) as bench, Merger(bench) as merger:
        merge = merger.merge(start, tip, release)
        marked = "" if merge.is_clean else bench.git("cat-file", "blob", f"{merge.tree}:a.txt").decode()
    found = explain(story.path, start, tip, release).clashes
    assert bool(found) is not merge.is_clean
    for clash in found:
        ours, theirs = _between(marked)
        assert _in_order(ours, [line for hunk in clash.hunks for line in hunk.ours.lines])
        assert _in_order(theirs, [line for hunk in clash.hunks for line in hunk.theirs.lines])
        assert texts[1].split("\n")[clash.hunks[0].ours.start - 1 :][: len(clash.hunks[0].ours.lines)] == list(
            clash.hunks[0].ours.lines
        )


def _shaken(base: list[str], dice: random.Random, word: str) -> list[str]:
    done: list[str] = []
    for number, line in enumerate(base):
        luck = dice.random() if word else 1
        done += (
            [] if luck < 0.05 else [f"{word}{number}"] if luck < 0.2 else [line, f"{word}+"] if luck < 0.25 else [line]
        )
    return done


def _between(marked: str) -> tuple[list[str], list[str]]:
    sides: tuple[list[str], list[str]] = ([], [])
    side = None
    for line in marked.split("\n"):
        if line[:7] in {"<<<<<<<", "=======", ">>>>>>>"}:
            side = {"<": 0, "=": 1, ">": None}[line[0]]
        elif side is not None:
            sides[side].append(line)
    return sides


def _in_order(few: list[str], many: list[str]) -> bool:
    """Whether `few`, which git trims to what differs, stand in `many` one after the other."""
    rest = iter(many)
    return all(line in rest for line in few)


@pytest.mark.attack("G34")
def test_what_takes_too_long_is_told_as_that(story: Story) -> None:
    start = story.commit({"a.txt": TEXT})
    tip = story.commit({"a.txt": FIX}, on="patch", start=start)
    release = story.commit({"a.txt": changed(TEXT, 10, "zehn\n")})
    with Bench(story.path) as bench, Merger(bench) as merger:
        stages = merger.merge(start, tip, release).stages
        assert [clash.how for clash in find_clashes(bench, stages, seconds=-1)] == [How.SLOW]
        assert [clash.how for clash in find_clashes(bench, stages)] == [How.CONTENT], "the control"


def test_nothing_stays_behind(story: Story) -> None:
    clashes(story, {"a.txt": TEXT}, {"a.txt": changed(TEXT, 10, "zehn\n")}, {"a.txt": FIX})
    assert not list(story.path.glob("bench-*"))
    assert not git(story.path, "for-each-ref", "refs/fits").strip()
