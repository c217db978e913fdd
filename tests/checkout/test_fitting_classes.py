"""Ways, moved files, series commit by commit, patches of other trees, and batches: on real git."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from contributions.checkout.bench import Bench
from contributions.checkout.fingerprints import diff
from contributions.checkout.fitting import Cell, Kind, Patch, Verdict, Way, judge, judge_many
from contributions.checkout.laying import applied
from contributions.checkout.runner import git
from contributions.errors import Trouble
from tests.checkout.stories import TEXT, Story, changed

FIX = changed(TEXT, 20, "line twenty\n")
SUBJECT = "Spell the twentieth line in a word"


@pytest.fixture
def story(tmp_path: Path) -> Story:
    story = Story(tmp_path / "mirror.git")
    story.commit({"a.txt": TEXT, "pkg/b.txt": TEXT, "pkg/deep/c.txt": TEXT})
    return story


def contribute(story: Story, *steps: dict[str, str], on: str = "patch") -> Patch:
    base = tip = story.tip("main")
    for number, files in enumerate(steps):
        tip = story.commit(files, f"Step {number} of what is contributed\n", on=on, start=tip)
    return Patch(base, tip)


def meet(story: Story, patch: Patch, release: str = "main") -> Verdict:
    return judge(story.path, patch, story.tip(release))


def by_git(story: Story, patch: Patch) -> str:
    with Bench(story.path) as bench:
        return applied(bench, diff(story.path, patch.base, patch.tip), story.tip("main"))


def test_a_file_as_the_base_has_it_makes_it_exact_and_git_agrees_on_the_tree(story: Story) -> None:
    patch = contribute(story, {"pkg/deep/c.txt": FIX, "a.txt": FIX})
    story.commit({"pkg/b.txt": "other\n"})
    verdict = meet(story, patch)
    assert (verdict.kind, verdict.way, verdict.tree) == (Kind.APPLIES, Way.EXACT, by_git(story, patch))
    git(story.path, "fsck", "--strict")


def test_changed_below_it_is_exact_changed_above_it_is_an_offset_beside_it_a_merge(story: Story) -> None:
    patch = contribute(story, {"a.txt": FIX})
    for number, (way, text) in enumerate(
        [
            (Way.EXACT, TEXT + "below\n"),
            (Way.OFFSET, "above\n" + TEXT),
            (Way.THREE_WAY, changed(TEXT, 22, "beside\n")),
        ]
    ):
        story.commit({"a.txt": text}, on=f"r{number}", start=patch.base)
        verdict = meet(story, patch, f"r{number}")
        assert (verdict.kind, verdict.way) == (Kind.APPLIES if way is Way.EXACT else Kind.MERGES, way)
        assert "line twenty\n" in git(story.path, "show", f"{verdict.commit}:a.txt").decode()


def test_a_file_that_upstream_moved_is_followed_and_told(story: Story) -> None:
    patch = contribute(story, {"pkg/b.txt": FIX})
    story.commit({"pkg/b.txt": None, "new/home.txt": changed(TEXT, 3, "3\n")})
    verdict = meet(story, patch)
    assert verdict.kind is Kind.MERGES
    assert verdict.renames == (("pkg/b.txt", "new/home.txt"),)
    assert "Upstream moved pkg/b.txt to new/home.txt." in verdict.detail
    assert "line twenty\n" in git(story.path, "show", f"{verdict.commit}:new/home.txt").decode()


def test_a_series_is_told_commit_by_commit(story: Story) -> None:
    patch = contribute(story, {"a.txt": FIX}, {"pkg/b.txt": FIX})
    taken = story.commit({"a.txt": FIX}, "Another title\n")
    story.commit({"a.txt": changed(FIX, 20, "the twentieth\n")})
    verdict = meet(story, patch)
    assert (verdict.kind, verdict.way) == (Kind.MERGES, Way.THREE_WAY)
    assert [part.state for part in verdict.commits] == [Kind.UPSTREAM, Kind.APPLIES]
    assert (verdict.commits[0].upstream_commit, verdict.commits[0].evidence) == (taken, "patch-id")
    assert "1 of its 2 commits are in the release already; the rest applies." in verdict.detail
    assert git(story.path, "show", f"{verdict.commit}:pkg/b.txt").decode() == FIX
    assert "the twentieth\n" in git(story.path, "show", f"{verdict.commit}:a.txt").decode()


def test_of_a_series_the_commit_that_conflicts_is_named_and_one_commit_has_no_parts(story: Story) -> None:
    patch = contribute(story, {"a.txt": FIX}, {"pkg/b.txt": FIX})
    story.commit({"pkg/b.txt": changed(TEXT, 20, "zwanzig\n")})
    verdict = meet(story, patch)
    assert verdict.kind is Kind.CONFLICTS
    assert [(part.state, part.conflicts) for part in verdict.commits] == [
        (Kind.APPLIES, ()),
        (Kind.CONFLICTS, ("pkg/b.txt",)),
    ]
    assert meet(story, contribute(story, {"a.txt": FIX}, on="alone")).commits == ()


def test_what_content_alone_shows_is_traced_to_its_commit(story: Story) -> None:
    patch = contribute(story, {"a.txt": FIX})
    story.commit({"a.txt": changed(TEXT, 2, "two\n")}, "Before\n")
    squashed = story.commit({"a.txt": changed(FIX, 2, "two\n"), "pkg/b.txt": "new\n"}, "Import\n")
    story.commit({"a.txt": changed(changed(FIX, 2, "two\n"), 35, "after\n")}, "After\n")
    verdict = meet(story, patch)
    assert (verdict.kind, verdict.evidence, verdict.upstream_commit) == (Kind.UPSTREAM, "empty-merge", squashed)


def test_a_commit_of_the_release_itself_that_it_took_back_is_no_ancestor_that_counts(story: Story) -> None:
    patch = contribute(story, {"a.txt": FIX})
    git(story.path, "update-ref", "refs/heads/main", patch.tip)
    assert meet(story, patch).evidence == "ancestor", "the control"
    story.commit({"a.txt": TEXT}, f"Take it back\n\nThis reverts commit {patch.tip}.\n")
    verdict = meet(story, patch)
    assert (verdict.kind, verdict.way) == (Kind.APPLIES, Way.EXACT)
    assert f"and back out as {story.tip('main')[:12]}." in verdict.detail


def stray(tmp_path: Path, path: str) -> Patch:
    """A patch of another repository, of which only the diff is known here."""
    other = Story(tmp_path / "other.git")
    base = other.commit({path: TEXT})
    tip = other.commit({path: FIX})
    return Patch(base, tip, diff(other.path, base, tip))


def test_a_patch_of_another_component_is_not_for_this_tree(story: Story, tmp_path: Path) -> None:
    def whose(paths: Sequence[str]) -> str:
        return "Nova" if paths == ["nova/api.py"] else ""

    patch = stray(tmp_path, "nova/api.py")
    verdict = judge(story.path, patch, story.tip("main"), whose=whose)
    assert verdict.kind is Kind.NOT_FOR_THIS_TREE
    assert verdict.detail == "Its paths are those of the component Nova: nova/api.py."
    assert "has the files that it changes: nova/api.py" in judge(story.path, patch, story.tip("main")).detail


@pytest.mark.parametrize("folder", ["usr/lib/python3/dist-packages", "venv/lib/python3.11/site-packages"])
def test_a_patch_of_an_installed_package_is_told_where_that_would_be(story: Story, tmp_path: Path, folder: str) -> None:
    verdict = meet(story, stray(tmp_path, f"{folder}/pkg/deep/c.txt"))
    assert verdict.kind is Kind.NOT_FOR_THIS_TREE
    assert "an installed package, pkg" in verdict.detail
    assert f"{folder}/pkg/deep/c.txt would be pkg/deep/c.txt here" in verdict.detail


def test_a_file_that_the_history_once_had_makes_it_no_base(story: Story, tmp_path: Path) -> None:
    story.commit({"gone.py": TEXT})
    story.commit({"gone.py": None})
    assert meet(story, stray(tmp_path, "gone.py")).kind is Kind.NO_BASE


def test_a_batch_gives_what_each_cell_alone_gives(story: Story, tmp_path: Path) -> None:
    patches = [
        contribute(story, {"a.txt": FIX}),
        contribute(story, {"a.txt": FIX}, {"pkg/b.txt": FIX}, on="series"),
        stray(tmp_path, "nova/api.py"),
    ]
    story.commit({"a.txt": changed(TEXT, 22, "beside\n")}, on="one", start=patches[0].base)
    story.commit({"a.txt": FIX, "pkg/b.txt": "x\n"}, on="two", start=patches[0].base)
    cells = [
        Cell(patch, story.tip(name), f"refs/fits/{name}/{n}")
        for n, patch in enumerate(patches)
        for name in ("one", "two")
    ]
    together = list(judge_many(story.path, cells))
    assert together == [judge(story.path, cell.patch, cell.release) for cell in cells]
    for cell, verdict in zip(cells, together, strict=True):
        listed = git(story.path, "for-each-ref", "--format=%(objectname)", cell.keep).decode().split()
        assert listed == ([verdict.commit] if verdict.commit else [])
    assert not list(story.path.glob("bench-*"))


def test_a_release_that_is_not_there_is_our_trouble(story: Story) -> None:
    patch = contribute(story, {"a.txt": FIX})
    good = Cell(patch, story.tip("main"))
    verdicts = judge_many(story.path, [good, Cell(patch, "0" * 40), good])
    assert next(verdicts).kind is Kind.APPLIES, "it spoils no neighbour"
    with pytest.raises(Trouble):
        next(verdicts)
