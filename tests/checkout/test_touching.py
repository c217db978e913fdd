"""What lies between two commits: whatever may change a verdict counts as touched, and hardly anything else does."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from contributions.checkout import touching
from contributions.checkout.fitting import Kind, Patch, judge
from contributions.checkout.renewing import Layer, lay_anew
from contributions.checkout.runner import git
from contributions.checkout.touching import EVERYTHING, Reach, stretch_between
from tests.checkout.stories import TEXT, Story, changed

FIX = changed(TEXT, 10, "line ten\n")


@pytest.fixture
def story(tmp_path: Path) -> Story:
    story = Story(tmp_path / "mirror.git")
    story.commit({"a.txt": TEXT, "lib/b.txt": TEXT, "lib/deep/c.txt": TEXT, "moved.txt": TEXT + "end\n"}, "Begin\n")
    return story


def may_change(story: Story, old: str, reach: Reach) -> bool:
    return stretch_between(story.path, old, story.tip("main")).may_change(reach)


def reach(*paths: str, added: tuple[str, ...] = (), words: tuple[str, ...] = ()) -> Reach:
    return Reach(frozenset(paths), frozenset(added), frozenset(words))


def test_another_file_leaves_a_patch_alone(story: Story) -> None:
    old = story.tip("main")
    story.commit({"lib/b.txt": FIX})
    assert not may_change(story, old, reach("a.txt", added=("lib/new.txt",)))
    assert may_change(story, old, reach("lib/b.txt"))


def test_a_change_that_was_taken_back_touches_all_the_same(story: Story) -> None:
    old = story.tip("main")
    story.commit({"a.txt": FIX})
    story.commit({"a.txt": TEXT}, 'Revert "A change"\n')
    assert may_change(story, old, reach("a.txt"))


def test_what_only_the_older_side_has_counts_as_well(story: Story) -> None:
    begin = story.tip("main")
    stable = story.commit({"a.txt": FIX}, on="stable", start=begin)
    story.commit({"lib/b.txt": FIX})
    stretch = stretch_between(story.path, stable, story.tip("main"))
    assert stretch.may_change(reach("a.txt"))
    assert not stretch.is_forward
    assert not stretch.may_change(reach("lib/deep/c.txt"))


def test_a_commit_that_says_the_same_touches_a_patch_wherever_it_works(story: Story) -> None:
    old = story.tip("main")
    story.commit({"lib/b.txt": FIX}, "Spell the  tenth line\n\nChange-Id: I0123456789abcdef\n")
    assert may_change(story, old, reach("a.txt", words=("Spell the tenth line",)))
    assert may_change(story, old, reach("a.txt", words=("i0123456789abcdef",)))
    assert not may_change(story, old, reach("a.txt", words=("Another",)))


def test_a_file_in_place_of_a_folder_and_a_folder_in_place_of_a_file_touch_what_is_there(story: Story) -> None:
    old = story.tip("main")
    story.commit({"docs": "a file\n", "new/x.txt": "x\n"})
    assert may_change(story, old, reach("a.txt", added=("docs/page.txt",)))
    assert may_change(story, old, reach("a.txt", added=("new",)))
    assert not may_change(story, old, reach("a.txt", added=("new/y.txt",)))


def test_a_file_added_where_upstream_moved_the_folder_away_is_touched(story: Story) -> None:
    old = story.tip("main")
    story.commit({"lib/deep/c.txt": None, "lib/far/c.txt": TEXT})
    assert may_change(story, old, reach("a.txt", added=("lib/deep/new.txt",)))
    assert may_change(story, old, reach("a.txt", added=("lib/deep/er/new.txt",)))
    assert not may_change(story, old, reach("a.txt", added=("lib/new.txt",)))


def test_a_patch_to_a_file_that_is_gone_may_find_it_under_a_new_name(story: Story) -> None:
    story.commit({"moved.txt": None})
    old = story.tip("main")
    story.commit({"lib/b.txt": FIX})
    assert not may_change(story, old, reach("moved.txt")), "nothing new is there"
    story.commit({"found.txt": TEXT + "end\n"})
    assert may_change(story, old, reach("moved.txt"))


def test_too_much_between_two_commits_is_everything(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    old = story.tip("main")
    for _ in range(3):
        story.commit({"lib/b.txt": f"{story.told}\n"})
    assert not may_change(story, old, reach("a.txt"))
    monkeypatch.setattr(touching, "MOST", 2)
    assert may_change(story, old, reach("a.txt"))
    assert stretch_between(story.path, "0" * 40, old) == EVERYTHING, "what git cannot tell is everything"


def test_names_of_any_bytes_are_told_apart(story: Story) -> None:
    old = story.tip("main")
    story.commit({"lib/ü b\n\"'.txt".replace("\n", "\\n").replace('"', '\\"'): "x\n"})
    assert may_change(story, old, reach("a.txt", added=("lib/ü b\n\"'.txt",)))
    assert not may_change(story, old, reach("a.txt", added=("lib/ü b",)))


def test_what_counts_as_untouched_is_judged_the_same(tmp_path: Path) -> None:
    """Random histories with edits and moves: the kept verdict and the tree made anew are those of the judge."""
    dice = random.Random(20)  # noqa: S311 - the same histories each time
    kept = touched = 0
    for number in range(6):
        story = Story(tmp_path / f"{number}.git")
        names = [f"{folder}f{n}" for folder in ("", "x/") for n in range(4)]
        story.commit({f"{name}.txt": TEXT.replace("line", name) for name in names})
        patches = [_random_patch(story, dice, n) for n in range(5)]
        for _ in range(4):
            old = story.tip("main")
            _random_push(story, dice)
            stretch = stretch_between(story.path, old, story.tip("main"))
            for patch, its_reach in patches:
                if stretch.may_change(its_reach):
                    touched += 1
                    continue
                kept += 1
                before, after = (judge(story.path, patch, commit) for commit in (old, story.tip("main")))
                assert (before.kind, before.files) == (after.kind, after.files)
                layer = Layer(patch.base, patch.tip, "refs/fits/1/1")
                (laid,) = lay_anew(story.path, [layer], story.tip("main"))
                if after.kind in {Kind.APPLIES, Kind.MERGES}:
                    assert laid is not None
                    assert (laid.commit, laid.tree) == (after.commit, after.tree)
    assert kept > 20
    assert touched > 20


def _random_patch(story: Story, dice: random.Random, number: int) -> tuple[Patch, Reach]:
    base = story.tip("main")
    path = dice.choice(_paths(story, base))
    text = git(story.path, "show", f"{base}:{path}").decode()
    files: dict[str, str] = {path: changed(text, dice.randint(5, 35), f"patched {number}\n")}
    added = {f"{dice.choice(['', 'x/', 'z/'])}added{number}.txt": "new\n"} if dice.random() < 0.5 else {}
    tip = story.commit({**files, **added}, f"Patch {number} does a thing of its own\n", on=f"p{number}", start=base)
    return Patch(base, tip), reach(*files, added=tuple(added), words=(f"Patch {number} does a thing of its own",))


def _random_push(story: Story, dice: random.Random) -> None:
    paths = _paths(story, story.tip("main"))
    path = dice.choice(paths)
    text = git(story.path, "show", f"main:{path}").decode()
    match dice.randrange(4):
        case 0 | 1:
            story.commit({path: changed(text, dice.randint(1, min(38, text.count("\n"))), f"pushed {story.told}\n")})
        case 2:
            story.commit({path: None, f"y/{Path(path).name}{story.told}": text})
        case _:
            story.commit({each: None for each in paths if each.startswith("x/")} | {"x2/new.txt": "n\n" * 20})


def _paths(story: Story, commit: str) -> list[str]:
    return git(story.path, "ls-tree", "-r", "--name-only", commit).decode().split()
