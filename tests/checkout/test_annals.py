"""History is read once: what was read stays in a file that may vanish, be torn, or be of another form."""

from pathlib import Path

import pytest

from contributions.checkout.annals import Annals
from contributions.checkout.runner import git
from contributions.checkout.upstream import Stretch
from tests.checkout.stories import TEXT, Story, changed


@pytest.fixture
def story(tmp_path: Path) -> Story:
    story = Story(tmp_path / "mirror.git")
    story.commit({"a.txt": TEXT, "b.txt": TEXT}, "Begin\n")
    return story


def covered(story: Story, *branches: str) -> Annals:
    annals = Annals(story.path)
    annals.cover(story.tip(branch) for branch in branches or ("main",))
    return annals


def test_commits_are_told_with_what_they_say_and_touch(story: Story) -> None:
    made = story.commit({"a.txt": "x\n", "odd name": "y\n"}, f"Title\n\nBody\n\nChange-Id: I{'ab' * 20}\n")
    annals = covered(story)
    (commit,) = annals.with_change_id("i" + "ab" * 20)
    assert (commit.id, commit.subject) == (made, "Title")
    assert set(annals.paths_of(commit)) == {"a.txt", "odd name"}
    assert annals.alike({"a.txt", "odd name"}) == [commit]
    assert [each.subject for each in annals.touching(["a.txt"])] == ["Title", "Begin"]
    assert annals.is_whole


def test_what_is_behind_a_commit_is_known_on_every_line_of_history(story: Story) -> None:
    first = story.tip("main")
    ours = story.commit({"a.txt": "ours\n"}, on="stable", start=first)
    theirs = story.commit({"b.txt": "theirs\n"})
    annals = covered(story, "main", "stable")
    assert annals.holds(ours, first)
    assert annals.holds(ours, ours)
    assert not annals.holds(ours, theirs)
    assert not annals.holds(first, ours)


def test_a_branch_that_moves_adds_its_new_commits_alone(story: Story) -> None:
    annals = covered(story)
    story.commit({"a.txt": "later\n"}, "Later\n")
    annals.cover([story.tip("main")])
    assert [commit.subject for commit in annals.commits] == ["Begin", "Later"]
    lines = (story.path / "annals").read_bytes().splitlines()
    assert len(lines) == 2
    assert b"Begin" not in lines[1]


def test_two_processes_read_what_either_of_them_wrote(story: Story) -> None:
    one, other = covered(story), Annals(story.path)
    size = (story.path / "annals").stat().st_size
    other.cover([story.tip("main")])
    assert (story.path / "annals").stat().st_size == size, "nothing was written twice"
    later = story.commit({"a.txt": "later\n"}, "Later\n")
    other.cover([later])
    one.cover([later])
    assert one.holds(later, one.commits[0].id)


@pytest.mark.parametrize("left", [b"", b'{"form": 99}\n', b"no JSON\n", b'{"form": 1, "heads": ["torn'])
def test_a_file_that_vanished_or_is_torn_is_written_anew(story: Story, left: bytes) -> None:
    before = covered(story)
    (story.path / "annals").write_bytes(left)
    later = story.commit({"a.txt": "later\n"}, "Later\n")
    for annals in (before, Annals(story.path)):
        annals.cover([later])
        assert [commit.subject for commit in annals.touching(["a.txt"])] == ["Later", "Begin"]
        assert annals.holds(later, annals.touching(["b.txt"])[0].id)


def test_a_revert_counts_where_it_follows_and_not_on_another_branch(story: Story) -> None:
    base = story.tip("main")
    taken = story.commit({"a.txt": changed(TEXT, 10, "ten\n")}, "Take it in\n")
    story.commit({"b.txt": "more\n"}, "More\n")
    git(story.path, "update-ref", "refs/heads/before", story.tip("main"))
    story.commit({"a.txt": TEXT}, f'Revert "Take it in"\n\nThis reverts commit {taken}.\n')
    annals = covered(story, "main", "before")
    commit = annals.named(taken)
    assert commit
    reverted = Stretch(annals, base, story.tip("main")).reverted_by(commit)
    assert reverted
    assert reverted.id == story.tip("main")
    assert Stretch(annals, base, story.tip("before")).reverted_by(commit) is None
