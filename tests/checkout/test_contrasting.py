"""Between two series of commits, on real repositories."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contributions.checkout.contrasting import Contrast, Pair, Series, contrast
from contributions.checkout.runner import git
from tests.checkout.stories import TEXT, Content, Story, changed

if TYPE_CHECKING:
    from pathlib import Path

TEN = changed(TEXT, 10, "line ten\n")
TEN_AND_THIRTY = changed(TEN, 30, "line thirty\n")


@pytest.fixture
def story(tmp_path: Path) -> Story:
    story = Story(tmp_path / "mirror.git")
    story.commit({"a.txt": TEXT, "b.txt": TEXT, "c.txt": TEXT})
    return story


def series(story: Story, *commits: tuple[str, dict[str, Content]]) -> Series:
    base = story.tip("main")
    branch = f"series{story.told}"
    for at, (message, files) in enumerate(commits):
        story.commit(files, f"{message}\n", on=branch, start="" if at else base)
    return Series(base, story.tip(branch))


def upstream_moves(story: Story) -> None:
    story.commit({"a.txt": "a new first line\n" + TEXT, "c.txt": "all of it is rewritten\n" * 9}, "Upstream moves on\n")


def on_new_base(text: str) -> str:
    return "a new first line\n" + text


def words(found: Contrast) -> list[str]:
    return [str(pair.word) for pair in found.commits]


def test_a_rebase_alone_changes_nothing(story: Story) -> None:
    older = series(story, ("One", {"a.txt": TEN}), ("Two", {"b.txt": TEN}))
    upstream_moves(story)
    newer = series(story, ("One", {"a.txt": on_new_base(TEN)}), ("Two", {"b.txt": TEN}))
    found = contrast(story.path, older, newer)
    assert (found.diff, found.conflicts, words(found)) == (b"", (), ["unchanged", "unchanged"])
    between_tips = git(story.path, "diff-tree", "-r", "-p", older.tip, newer.tip)
    assert b"rewritten" in between_tips, "the control: a diff of the tips is full of upstream's work"


def test_only_what_the_author_changed_is_shown_on_a_new_base(story: Story) -> None:
    older = series(story, ("One", {"a.txt": TEN}))
    upstream_moves(story)
    newer = series(story, ("One", {"a.txt": on_new_base(TEN_AND_THIRTY)}))
    found = contrast(story.path, older, newer)
    lines = [line for line in found.diff.split(b"\n") if line[:1] in {b"+", b"-"} and line[:3] not in {b"+++", b"---"}]
    assert lines == [b"-line 30", b"+line thirty"]
    assert words(found) == ["changed"]


def test_each_word_of_a_commit(story: Story) -> None:
    older = series(
        story,
        ("Stays", {"a.txt": TEN}),
        ("Is spelled", {"b.txt": TEN}),
        ("Is mended", {"c.txt": TEN}),
        ("Goes", {"d.txt": "short\n"}),
    )
    newer = series(
        story,
        ("Stays", {"a.txt": TEN}),
        ("Is spelled right", {"b.txt": TEN}),
        ("Is mended", {"c.txt": TEN_AND_THIRTY}),
        ("Comes", {"e.txt": "something else\n"}),
    )
    found = contrast(story.path, older, newer)
    told = [(str(pair.word), pair.subject, bool(pair.old), bool(pair.new), pair.is_reworded) for pair in found.commits]
    assert told == [
        ("unchanged", "Stays", True, True, False),
        ("reworded", "Is spelled right", True, True, True),
        ("changed", "Is mended", True, True, False),
        ("added", "Comes", False, True, False),
        ("dropped", "Goes", True, False, False),
    ]


def test_indentation_is_a_change(story: Story) -> None:
    older = series(story, ("One", {"run.py": "if idle:\n    drain()\nstop()\n"}))
    newer = series(story, ("One", {"run.py": "if idle:\n    drain()\n    stop()\n"}))
    found = contrast(story.path, older, newer)
    assert words(found) == ["changed"]
    assert b"+    stop()" in found.diff


def test_commits_that_change_places_are_unchanged(story: Story) -> None:
    older = series(story, ("One", {"a.txt": TEN}), ("Two", {"b.txt": TEN}))
    newer = series(story, ("Two", {"b.txt": TEN}), ("One", {"a.txt": TEN}))
    found = contrast(story.path, older, newer)
    assert [(str(pair.word), pair.subject) for pair in found.commits] == [("unchanged", "Two"), ("unchanged", "One")]
    assert found.diff == b""


@pytest.mark.parametrize("trailer", ["\n\nChange-Id: I" + "a1" * 20, ""])
def test_a_commit_is_known_again_by_its_change_id_or_its_lines(story: Story, trailer: str) -> None:
    mended = changed(changed(TEN, 20, "line twenty\n"), 30, "line thirty\n")
    becomes = "quite another text\n" if trailer else changed(mended, 30, "line 30!\n")
    older = series(story, (f"First title{trailer}", {"a.txt": mended}))
    newer = series(story, (f"A new title{trailer}", {"a.txt": becomes}))
    (pair,) = contrast(story.path, older, newer).commits
    assert (pair.word, pair.is_reworded) == ("changed", True)


def test_commits_with_nothing_in_common_are_dropped_and_added(story: Story) -> None:
    older, newer = series(story, ("One", {"a.txt": TEN})), series(story, ("Two", {"b.txt": changed(TEXT, 2, "!\n")}))
    assert words(contrast(story.path, older, newer)) == ["added", "dropped"]


def test_where_the_older_one_does_not_merge_the_files_are_compared_as_both_left_them(story: Story) -> None:
    older = series(story, ("One", {"a.txt": TEN}))
    story.commit({"a.txt": changed(TEXT, 10, "zehn\n"), "b.txt": "upstream's own work\n"}, "Upstream is faster\n")
    newer = series(story, ("One", {"a.txt": changed(TEXT, 10, "line ten and zehn\n")}))
    before = git(story.path, "count-objects")
    found = contrast(story.path, older, newer)
    assert found.conflicts == ("a.txt",)
    assert b"-line ten\n+line ten and zehn" in found.diff
    assert b"upstream's own work" not in found.diff
    assert git(story.path, "count-objects") == before
    assert not list(story.path.glob("bench-*"))


def test_modes_binaries_and_moves_are_shown(story: Story) -> None:
    older = series(story, ("One", {"run.sh": "true\n", "logo.png": b"\0one", "old.txt": TEXT}))
    newer = series(story, ("One", {"run.sh": ("100755", b"true\n"), "logo.png": b"\0two", "new.txt": TEXT}))
    shown = contrast(story.path, older, newer).diff
    assert b"old mode 100644\nnew mode 100755" in shown
    assert b"GIT binary patch" in shown
    assert b"rename from old.txt\nrename to new.txt" in shown


def test_a_dropped_commit_stands_where_it_was(story: Story) -> None:
    older = series(story, ("Goes", {"d.txt": "short\n"}), ("Stays", {"a.txt": TEN}))
    newer = series(story, ("Stays", {"a.txt": TEN}))
    found = contrast(story.path, older, newer).commits
    assert found == (
        Pair(found[0].word, found[0].old, "", "Goes"),
        Pair(found[1].word, found[1].old, newer.tip, "Stays"),
    )
    assert [str(pair.word) for pair in found] == ["dropped", "unchanged"]
