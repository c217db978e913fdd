"""A stack is laid on real repositories: in one order, with the ids that it always has, and conflicts by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contributions.checkout.runner import git
from contributions.checkout.stacking import Alone, Meeting, Part, Stacked, State, Survey, lay, look
from contributions.solving import order_of
from tests.checkout.stories import TEXT, WHEN, Story, changed

if TYPE_CHECKING:
    from pathlib import Path

LONG = "".join(f"line {number}\n" for number in range(1, 200))


@pytest.fixture
def story(tmp_path: Path) -> Story:
    story = Story(tmp_path / "mirror.git")
    story.commit({"a.txt": LONG, "b.txt": TEXT})
    return story


def part(story: Story, number: int, *steps: dict[str, str], start: str = "", taken: bool = False) -> Part:
    """A patch of one commit a step, made on main's tip unless it starts elsewhere."""
    base = start or story.tip("main")
    commits = []
    for at, files in enumerate(steps, 1):
        message = f"Patch {number}, step {at}\n\nBecause.\n"
        commits.append(story.commit(files, message, on=f"p{number}", start=commits[-1] if commits else base))
    return Part(number, base, commits[-1], tuple(commits), taken)


def laid(story: Story, *parts: Part, release: str = "main") -> tuple[Survey, Stacked]:
    survey = look(story.path, story.tip(release), parts)
    order = order_of([one.number for one in parts], {}, survey.hints)
    return survey, lay(story.path, survey, order, keep="refs/stacks/1")


def told(story: Story, form: str, commits: str = "main..refs/stacks/1") -> list[str]:
    return git(story.path, "log", "--reverse", f"--format={form}", commits).decode().splitlines()


def test_patches_become_one_tree_commit_by_commit_and_keep_their_authors(story: Story) -> None:
    one = part(story, 1, {"a.txt": changed(LONG, 10, "ten\n")}, {"b.txt": changed(TEXT, 3, "three\n")})
    two = part(story, 2, {"a.txt": changed(LONG, 100, "hundred\n")})
    survey, stacked = laid(story, one, two)
    assert [(each.number, each.state, each.commits) for each in stacked.laid] == [
        (1, State.APPLIED, 2),
        (2, State.APPLIED, 1),
    ]
    assert told(story, "%s") == ["Patch 1, step 1", "Patch 1, step 2", "Patch 2, step 1"]
    assert set(told(story, "%an <%ae> %cn")) == {"A Contributor <contributor@customer.example> Patchbay"}
    assert told(story, "%at") == [str(WHEN + n) for n in (2, 3, 4)]
    assert told(story, "%ct") == [str(WHEN + 1 + n) for n in (1, 2, 3)], "the release's date and one more each"
    whole = git(story.path, "show", "refs/stacks/1:a.txt").decode()
    assert whole == changed(changed(LONG, 10, "ten\n"), 100, "hundred\n")
    [pair] = survey.pairs
    assert (pair.a, pair.b, pair.files, pair.meeting) == (1, 2, ("a.txt",), Meeting.FINE)
    assert git(story.path, "rev-parse", f"{stacked.laid[0].commit}^{{tree}}").decode().strip() == stacked.laid[0].tree


def test_the_same_stack_has_the_same_ids_wherever_it_is_laid(story: Story, tmp_path: Path) -> None:
    parts = [part(story, n, {"a.txt": changed(LONG, 20 * n, "x\n")}) for n in range(1, 6)]
    first = laid(story, *parts)[1]
    git(story.path, "update-ref", "-d", "refs/stacks/1")
    assert laid(story, *parts)[1] == first
    other = tmp_path / "other.git"
    git(story.path, "clone", "-q", "--mirror", str(story.path), str(other), env={"GIT_ALLOW_PROTOCOL": "file"})
    survey = look(other, story.tip("main"), parts)
    assert lay(other, survey, [1, 2, 3, 4, 5]).commit == first.commit
    assert lay(other, survey, [2, 1, 3, 4, 5]).commit != first.commit, "the control"


def test_only_pairs_that_share_a_file_are_pairs(story: Story) -> None:
    parts = [part(story, 1, {"a.txt": changed(LONG, 10, "ten\n")}), part(story, 2, {"b.txt": changed(TEXT, 3, "x\n")})]
    survey, stacked = laid(story, *parts)
    assert survey.pairs == ()
    assert stacked.commit


def test_a_conflict_names_both_patches_and_the_files_and_the_others_are_tried(story: Story) -> None:
    one = part(story, 1, {"a.txt": changed(LONG, 10, "ten\n"), "b.txt": changed(TEXT, 1, "x\n")})
    two = part(story, 2, {"a.txt": changed(LONG, 10, "zehn\n")})
    three = part(story, 3, {"b.txt": changed(TEXT, 30, "thirty\n")})
    survey, stacked = laid(story, one, two, three)
    assert not stacked.is_whole
    assert [each.state for each in stacked.laid] == [State.APPLIED, State.CONFLICTS, State.APPLIED]
    assert (stacked.laid[1].against, stacked.laid[1].paths) == ((1,), ("a.txt",))
    assert [(pair.a, pair.b, pair.meeting) for pair in survey.pairs] == [
        (1, 2, Meeting.CONFLICT),
        (1, 3, Meeting.FINE),
    ]
    assert git(story.path, "for-each-ref", "refs/stacks/").strip() == b""


def test_what_does_not_apply_alone_blames_nobody_else(story: Story) -> None:
    two = part(story, 2, {"a.txt": changed(LONG, 10, "zehn\n")})
    story.commit({"a.txt": changed(LONG, 10, "dix\n")})
    one = part(story, 1, {"b.txt": changed(TEXT, 1, "x\n")})
    survey, stacked = laid(story, one, two)
    assert survey.trials[2].alone == Alone.CONFLICTS
    assert (stacked.laid[1].state, stacked.laid[1].against) == (State.CONFLICTS, ())


def test_what_merges_in_one_order_only_is_laid_in_that_order(story: Story) -> None:
    """Two is made of a text that only one brings, and so conflicts alone."""
    one = part(story, 1, {"a.txt": changed(LONG, 10, "ten\n")})
    two = part(story, 2, {"a.txt": changed(changed(LONG, 10, "ten\n"), 11, "eleven\n")}, start=one.tip)
    survey, stacked = laid(story, two, one)
    assert survey.trials[2].alone == Alone.CONFLICTS
    assert [(pair.meeting, pair.first) for pair in survey.pairs] == [(Meeting.ORDERED, 1)]
    assert [each.number for each in stacked.laid] == [1, 2]
    assert stacked.is_whole
    control = lay(story.path, survey, [2, 1])
    assert [each.state for each in control.laid] == [State.CONFLICTS, State.APPLIED], "the control"


def test_what_was_made_on_a_base_that_holds_the_other_goes_after_it(story: Story) -> None:
    """Both orders would merge, but two was made where upstream had one already."""
    base = story.tip("main")
    release = story.commit({"c.txt": "new\n"}, on="release", start=base)
    one = part(story, 1, {"a.txt": changed(LONG, 10, "ten\n")}, start=base)
    beyond = story.commit({"a.txt": changed(LONG, 10, "ten\n")}, on="next", start=base)
    two = part(story, 2, {"a.txt": changed(changed(LONG, 10, "ten\n"), 100, "x\n")}, start=beyond)
    survey, stacked = laid(story, two, one, release="release")
    assert survey.release == release
    assert survey.bases == ((1, 2),)
    assert [each.number for each in stacked.laid] == [1, 2]
    assert stacked.is_whole


def test_what_the_release_has_is_dropped_and_told(story: Story) -> None:
    one = part(story, 1, {"a.txt": changed(LONG, 10, "ten\n")})
    known = part(story, 3, {"b.txt": changed(TEXT, 5, "five\n")}, taken=True)
    story.commit({"a.txt": changed(LONG, 10, "ten\n")})
    two = part(story, 2, {"b.txt": changed(TEXT, 3, "x\n")})
    stacked = laid(story, one, known, two)[1]
    assert [(each.number, each.state, each.holder) for each in stacked.laid] == [
        (1, State.UPSTREAM, 0),
        (3, State.UPSTREAM, 0),
        (2, State.APPLIED, 0),
    ]
    assert told(story, "%s") == ["Patch 2, step 1"]


def test_a_series_that_brings_the_others_commits_goes_after_it_and_without_them(story: Story) -> None:
    one = part(story, 1, {"a.txt": changed(LONG, 10, "ten\n")})
    more = story.commit({"a.txt": changed(changed(LONG, 10, "ten\n"), 50, "fifty\n")}, "More\n", on="p2", start=one.tip)
    two = Part(2, one.base, more, (one.tip, more))
    stacked = laid(story, two, one)[1]
    assert [(each.number, each.state, each.commits) for each in stacked.laid] == [
        (1, State.APPLIED, 1),
        (2, State.APPLIED, 1),
    ]
    assert told(story, "%s") == ["Patch 1, step 1", "More"]


def test_what_another_one_brings_already_names_that_one(story: Story) -> None:
    one, two = (part(story, n, {"a.txt": changed(LONG, 10, "ten\n")}) for n in (1, 2))
    stacked = laid(story, one, two)[1]
    assert (stacked.laid[1].state, stacked.laid[1].holder, stacked.laid[1].alone) == (State.UPSTREAM, 1, Alone.APPLIES)


def test_a_file_that_upstream_renamed_is_followed(story: Story) -> None:
    one = part(story, 1, {"a.txt": changed(LONG, 10, "ten\n")})
    story.commit({"a.txt": None, "moved.txt": LONG})
    two = part(story, 2, {"moved.txt": changed(LONG, 100, "x\n")})
    survey, stacked = laid(story, one, two)
    assert [pair.files for pair in survey.pairs] == [("moved.txt",)], "they meet by the name that the release has"
    assert git(story.path, "show", f"{stacked.commit}:moved.txt").decode() == changed(
        changed(LONG, 10, "ten\n"), 100, "x\n"
    )


def test_a_series_whose_parts_conflict_is_laid_as_a_whole_if_that_fits(story: Story) -> None:
    """Its first step touches what upstream changed, its second puts that back."""
    one = part(story, 1, {"a.txt": changed(LONG, 10, "wrong\n")}, {"a.txt": changed(LONG, 100, "x\n")})
    story.commit({"a.txt": changed(LONG, 10, "dix\n")})
    stacked = laid(story, one)[1]
    assert (stacked.laid[0].state, stacked.laid[0].squashed, stacked.laid[0].commits) == (State.APPLIED, True, 1)
    assert "Patch 1, step 2" in told(story, "%B")


def test_an_empty_stack_is_the_release_itself(story: Story) -> None:
    assert laid(story)[1].commit == story.tip("main")


def test_odd_file_names_are_told_as_they_are(story: Story) -> None:
    name = "füße \u2028 und\ttab.txt"
    story.commit({"füße \u2028 und\\ttab.txt": TEXT})
    one, two = (part(story, n, {"füße \u2028 und\\ttab.txt": changed(TEXT, 10 * n, "x\n")}) for n in (1, 2))
    assert [pair.files for pair in laid(story, one, two)[0].pairs] == [(name,)]
