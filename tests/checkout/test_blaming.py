"""Who is to blame for a conflict, in real histories: straight, merged, parted ones, and such as never met."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contributions.checkout.bench import Bench
from contributions.checkout.blaming import Case, Why, find_blame
from contributions.checkout.explaining import explain
from contributions.checkout.merging import Merger
from contributions.checkout.runner import git
from tests.checkout.stories import TEXT, Story, changed

if TYPE_CHECKING:
    from pathlib import Path

    from contributions.checkout.blaming import Blame

FIX = changed(TEXT, 10, "line ten\n")


@pytest.fixture
def story(tmp_path: Path) -> Story:
    story = Story(tmp_path / "mirror.git")
    story.commit({"a.txt": TEXT, "b.txt": TEXT})
    return story


def contribute(story: Story, files: dict[str, str | None], *, start: str = "main") -> tuple[str, str]:
    base = story.tip(start)
    return base, story.commit(dict(files), "Spell the tenth line in a word\n", on="patch", start=base)


def blamed(story: Story, patch: tuple[str, str], release: str = "main") -> list[Blame]:
    return list(explain(story.path, *patch, story.tip(release) or release).blames)


def quiet(story: Story, count: int, file: str = "b.txt") -> None:
    """Commits that change a file far from where the patch does."""
    for number in range(count):
        text = git(story.path, "show", f"main:{file}").decode()
        story.commit({file: changed(text, 40, f"line 40, {number + story.told}\n")}, "Count on\n")


@pytest.mark.parametrize(("before", "after"), [(0, 0), (1, 0), (0, 1), (5, 9), (13, 2)])
def test_the_commit_from_which_on_it_conflicts_is_named(story: Story, before: int, after: int) -> None:
    patch = contribute(story, {"a.txt": FIX})
    quiet(story, before, "a.txt")
    quiet(story, 2)
    text = git(story.path, "show", "main:a.txt").decode()
    guilty = story.commit({"a.txt": changed(text, 10, "zehn\n")}, "Count in German\n\nFor fun.\n")
    quiet(story, after, "a.txt")
    quiet(story, 2)
    [blame] = blamed(story, patch)
    assert (blame.path, blame.why, blame.commit, blame.subject) == ("a.txt", Why.CHANGED, guilty, "Count in German")
    assert blame.author == "A Contributor"
    assert blame.at.startswith("2023-11-14T")
    assert blame.merge == ""


def test_few_merges_find_it_among_many_commits(story: Story) -> None:
    patch = contribute(story, {"a.txt": FIX})
    quiet(story, 40, "a.txt")
    text = git(story.path, "show", "main:a.txt").decode()
    guilty = story.commit({"a.txt": changed(text, 10, "zehn\n")})
    quiet(story, 40, "a.txt")
    laid: list[str] = []

    with Bench(story.path) as bench, Merger(bench) as merger:

        def lay(commit: str) -> tuple[str, ...]:
            laid.append(commit)
            return merger.merge(*patch, commit).conflicts

        [blame] = find_blame(bench, Case(*patch, story.tip("main"), ["a.txt"]), lay)
    assert blame.commit == guilty
    assert len(laid) <= 14


def test_each_file_has_its_own_culprit(story: Story) -> None:
    patch = contribute(story, {"a.txt": FIX, "b.txt": FIX})
    first = story.commit({"b.txt": changed(TEXT, 10, "dix\n")})
    second = story.commit({"a.txt": changed(TEXT, 10, "zehn\n")})
    assert [(blame.path, blame.commit) for blame in blamed(story, patch)] == [("a.txt", second), ("b.txt", first)]


def test_what_was_taken_back_meanwhile_is_not_blamed(story: Story) -> None:
    patch = contribute(story, {"a.txt": FIX})
    story.commit({"a.txt": changed(TEXT, 10, "dix\n")})
    story.commit({"a.txt": TEXT})
    guilty = story.commit({"a.txt": changed(TEXT, 10, "zehn\n")})
    assert [blame.commit for blame in blamed(story, patch)] == [guilty]


def merge(story: Story, side: str, files: dict[str, str], message: str = "Merge it\n") -> str:
    """The branch into main, with these files as both left them."""
    tree = story.commit(dict(files), on="merged", start=story.tip("main"))
    who = {f"GIT_{role}_{part}": "x" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    words = ("commit-tree", f"{tree}^{{tree}}", "-p", story.tip("main"), "-p", story.tip(side))
    made = git(story.path, *words, input=message.encode(), env=who).decode().strip()
    git(story.path, "update-ref", "refs/heads/main", made)
    return made


def test_of_a_merge_the_commit_inside_is_named(story: Story) -> None:
    patch = contribute(story, {"a.txt": FIX})
    start = story.tip("main")
    quiet(story, 2)
    harmless = changed(TEXT, 40, "forty\n")
    story.commit({"a.txt": harmless}, on="topic", start=start)
    guilty = story.commit({"a.txt": changed(harmless, 10, "zehn\n")}, "Count in German\n", on="topic")
    story.commit({"a.txt": changed(changed(harmless, 10, "zehn\n"), 30, "thirty\n")}, on="topic")
    merged = merge(story, "topic", {"a.txt": changed(changed(harmless, 10, "zehn\n"), 30, "thirty\n")})
    quiet(story, 2)
    [blame] = blamed(story, patch)
    assert (blame.commit, blame.merge, blame.subject) == (guilty, merged, "Count in German")


def test_a_file_that_upstream_moved_is_followed(story: Story) -> None:
    patch = contribute(story, {"a.txt": FIX})
    guilty = story.commit({"a.txt": changed(TEXT, 10, "zehn\n")})
    story.commit({"a.txt": None, "moved/a.txt": changed(TEXT, 10, "zehn\n")})
    [blame] = blamed(story, patch)
    assert (blame.path, blame.commit) == ("moved/a.txt", guilty)


def test_who_deleted_the_file_is_named(story: Story) -> None:
    patch = contribute(story, {"a.txt": FIX})
    guilty = story.commit({"a.txt": None}, "Drop what nobody reads\n")
    quiet(story, 2)
    assert [(blame.commit, blame.subject) for blame in blamed(story, patch)] == [(guilty, "Drop what nobody reads")]


def test_a_patch_of_a_branch_names_what_the_release_lacks(story: Story) -> None:
    fork = story.tip("main")
    needed = story.commit({"a.txt": changed(TEXT, 10, "zehn\n")}, "Only on the branch\n", on="stable", start=fork)
    story.commit({"b.txt": changed(TEXT, 1, "one\n")}, on="stable")
    base = story.tip("stable")
    tip = story.commit({"a.txt": changed(TEXT, 10, "line ten\n")}, on="patch", start=base)
    quiet(story, 2, "a.txt")
    [blame] = blamed(story, (base, tip))
    assert (blame.why, blame.commit, blame.subject) == (Why.MISSING, needed, "Only on the branch")


@pytest.mark.parametrize("place", range(4))
def test_of_a_long_branch_the_one_that_is_needed_is_named(story: Story, place: int) -> None:
    start, text, needed = story.tip("main"), TEXT, ""
    for number in range(4):
        text = changed(text, *((10, "zehn\n") if number == place else (25 + number * 4, f"{number}\n")))
        made = story.commit({"a.txt": text}, on="stable", start="" if number else start)
        needed = made if number == place else needed
    base = story.tip("stable")
    tip = story.commit({"a.txt": changed(text, 10, "line ten\n")}, on="patch", start=base)
    quiet(story, 2, "a.txt")
    [blame] = blamed(story, (base, tip))
    assert (blame.why, blame.commit) == (Why.MISSING, needed)


def test_a_patch_of_a_branch_still_names_what_changed_upstream(story: Story) -> None:
    fork = story.tip("main")
    story.commit({"b.txt": changed(TEXT, 1, "one\n")}, on="stable", start=fork)
    base = story.tip("stable")
    tip = story.commit({"a.txt": FIX}, on="patch", start=base)
    guilty = story.commit({"a.txt": changed(TEXT, 10, "zehn\n")})
    [blame] = blamed(story, (base, tip))
    assert (blame.why, blame.commit) == (Why.CHANGED, guilty)


def test_histories_that_never_met_say_so(story: Story) -> None:
    patch = contribute(story, {"a.txt": FIX})
    git(story.path, "update-ref", "-d", "refs/heads/alone")
    tree = git(story.path, "rev-parse", "main^{tree}").decode().strip()
    story.commit_tree(tree, on="alone")
    story.commit({"a.txt": changed(TEXT, 10, "zehn\n")}, on="alone")
    [blame] = blamed(story, patch, "alone")
    assert (blame.why, blame.commit) == (Why.UNRELATED, "")


def test_where_nothing_conflicts_nobody_is_blamed(story: Story) -> None:
    patch = contribute(story, {"a.txt": FIX})
    quiet(story, 2)
    explanation = explain(story.path, *patch, story.tip("main"))
    assert explanation.blames == explanation.clashes == ()


@pytest.mark.parametrize("name", ["*.txt", "a b.txt", "ä.txt", "tab\tin.txt", ":(top)x.txt", ":!a.txt", "-r.txt"])
def test_an_odd_name_does_not_lead_it_astray(story: Story, name: str) -> None:
    quoted = name.replace("\t", "\\t")
    story.commit({quoted: TEXT})
    patch = contribute(story, {quoted: FIX})
    quiet(story, 2, "a.txt")
    guilty = story.commit({quoted: changed(TEXT, 10, "zehn\n")})
    quiet(story, 2, "a.txt")
    assert [(blame.path, blame.commit) for blame in blamed(story, patch)] == [(name, guilty)]


@pytest.mark.attack("G33")
def test_a_search_without_end_is_given_up(story: Story) -> None:
    patch = contribute(story, {"a.txt": FIX})
    story.commit({"a.txt": changed(TEXT, 10, "zehn\n")})
    case = Case(*patch, story.tip("main"), ["a.txt", "b.txt"])
    with Bench(story.path) as bench:
        late = find_blame(bench, case, lambda _: ["a.txt"], seconds=-1)
    assert [(blame.path, blame.why) for blame in late] == [("a.txt", Why.UNKNOWN), ("b.txt", Why.UNKNOWN)]
    assert blamed(story, patch)[0].why is Why.CHANGED, "the control: with time it is found"
