"""Hunks are found where `git apply` finds them: held against git itself, on texts full of lines that repeat."""

import random
from pathlib import Path

import pytest

from contributions.checkout.bench import Bench
from contributions.checkout.fingerprints import diff
from contributions.checkout.hunks import hunks_of, lay, lines_of
from contributions.checkout.laying import applied
from contributions.checkout.runner import git
from tests.checkout.stories import Story


def texts(dice: random.Random) -> tuple[bytes, bytes, bytes]:
    """A text, what became of it, and another release of it."""
    lines = [b"%d\n" % dice.choice((1, 1, 2, 3, 4, 5, 6, 7)) for _ in range(dice.randrange(1, 40))]
    base = _ended(dice, lines)
    return base, _ended(dice, _edited(dice, lines)), _ended(dice, _edited(dice, lines))


def _edited(dice: random.Random, lines: list[bytes]) -> list[bytes]:
    made = list(lines)
    for _ in range(dice.randrange(1, 4)):
        place = dice.randrange(len(made) + 1)
        made[place : place + dice.randrange(3)] = [b"%d\n" % dice.randrange(1, 8) for _ in range(dice.randrange(4))]
    return made


def _ended(dice: random.Random, lines: list[bytes]) -> bytes:
    whole = b"".join(lines)
    return whole.removesuffix(b"\n") if dice.random() < 0.2 else whole


@pytest.mark.parametrize("seed", range(12))
def test_what_is_laid_is_what_git_applies(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - the same texts each time
    story = Story(tmp_path / "r.git")
    found = 0
    with Bench(story.path) as bench:
        for number in range(6):
            base, changed, release = texts(dice)
            start = story.commit({"a.txt": base}, on=f"base{number}")
            tip = story.commit({"a.txt": changed}, on=f"tip{number}", start=start)
            other = story.commit({"a.txt": release}, on=f"other{number}", start=start)
            change = diff(story.path, start, tip)
            if not change:
                continue
            hunks = next(iter(hunks_of(change).values())) or []
            assert lay(hunks, lines_of(base)) is not None
            for options, theirs in (((), hunks), (("--reverse",), [hunk.reversed() for hunk in hunks])):
                tree = applied(bench, change, other, *options)
                laid = lay(theirs, lines_of(release))
                if laid:
                    found += 1
                    assert tree, "git applies it as well"
                    assert bench.git("show", f"{tree}:a.txt") == b"".join(laid.lines)
    assert found, "the control: some could be laid"


def test_a_hunk_at_its_line_is_exact_and_another_one_is_not(tmp_path: Path) -> None:
    story = Story(tmp_path / "r.git")
    lines = [f"line {number}\n" for number in range(30)]
    base = story.commit({"a.txt": "".join(lines)})
    tip = story.commit({"a.txt": "".join([*lines[:15], "new\n", *lines[15:]])})
    hunks = next(iter(hunks_of(diff(story.path, base, tip)).values()))
    assert hunks
    content = git(story.path, "show", f"{base}:a.txt")
    exact, moved = lay(hunks, lines_of(content)), lay(hunks, lines_of(b"first\n" + content))
    assert exact
    assert moved
    assert (exact.is_exact, moved.is_exact) == (True, False)
    assert lay(hunks, lines_of(content.replace(b"line 14\n", b"line XIV\n"))) is None


def test_lines_end_with_a_line_feed_and_nothing_else() -> None:
    assert lines_of(b"a\rb\x0bc\x85d\n\ne") == [b"a\rb\x0bc\x85d\n", b"\n", b"e"]
    assert lines_of(b"") == []
