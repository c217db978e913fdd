"""A release holds a commit that it did not take back, however far behind it lies."""

from pathlib import Path

import pytest

from contributions.checkout import annals
from contributions.checkout.annals import annals_of
from contributions.checkout.holding import holds
from tests.checkout.stories import TEXT, Story, changed


@pytest.fixture(params=[annals.MOST, 3], ids=["read", "older-than-the-annals"])
def taken(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Story, str]:
    """A commit of upstream with four behind it, the annals of which reach it or do not."""
    monkeypatch.setattr(annals, "MOST", request.param)
    story = Story(tmp_path / "mirror.git")
    story.commit({"a.txt": TEXT, "b.txt": TEXT}, "Begin\n")
    made = story.commit({"a.txt": changed(TEXT, 10, "ten\n")}, "Take it in\n")
    for number in range(4):
        story.commit({"b.txt": f"{number}\n"}, f"Go on, step {number}\n")
    known = annals_of(story.path)
    known.cover([story.tip("main")])
    assert (made in known) is (request.param > 3), "the test is about what it says"
    return story, made


def test_a_release_holds_what_it_did_not_take_back(taken: tuple[Story, str]) -> None:
    story, commit = taken
    assert holds(story.path, commit, story.tip("main"))
    other = story.commit({"a.txt": "other\n"}, "Elsewhere\n", on="other", start=story.tip("main"))
    assert not holds(story.path, other, story.tip("main"))
    assert not holds(story.path, "0" * 40, story.tip("main"))


@pytest.mark.parametrize("words", ['Revert "Take it in"\n\nThis reverts commit {}.\n', 'Revert "Take it in"\n'])
def test_a_later_revert_counts_and_its_own_revert_too(taken: tuple[Story, str], words: str) -> None:
    story, commit = taken
    before = story.tip("main")
    revert = story.commit({"a.txt": TEXT}, words.format(commit))
    assert not holds(story.path, commit, revert)
    assert holds(story.path, commit, before), "the release before it has it still"
    again = f'Revert "Revert "Take it in""\n\nThis reverts commit {revert}.\n'
    back = story.commit({"a.txt": changed(TEXT, 10, "ten\n")}, again)
    assert holds(story.path, commit, back)
