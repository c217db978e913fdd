from pathlib import Path

import pytest

from contributions.checkout.fingerprints import diff, patch_id, patch_ids_of_commits
from contributions.checkout.fitting import Kind, Patch, Verdict, Way, judge
from contributions.checkout.runner import GitFailed, git
from tests.checkout.stories import TEXT, Story, changed

FIX = changed(TEXT, 10, "line ten\n")
SUBJECT = "Spell the tenth line in a word"


@pytest.fixture
def story(tmp_path: Path) -> Story:
    story = Story(tmp_path / "mirror.git")
    story.commit({"a.txt": TEXT, "b.txt": TEXT})
    return story


def contribute(story: Story, files: dict[str, str], message: str = f"{SUBJECT}\n", *, start: str = "main") -> Patch:
    base = story.tip(start)
    return Patch(base, story.commit(files, message, on="patch", start=base))


def meet(story: Story, patch: Patch, release: str = "main", *, keep: str = "") -> Verdict:
    return judge(story.path, patch, story.tip(release), keep=keep)


def test_a_patch_whose_surroundings_are_untouched_applies(story: Story) -> None:
    patch = contribute(story, {"a.txt": FIX})
    story.commit({"b.txt": changed(TEXT, 1, "other\n")})
    verdict = meet(story, patch, keep="refs/fits/1")
    assert verdict.kind is Kind.APPLIES
    assert git(story.path, "show", "refs/fits/1:a.txt").decode() == FIX
    assert git(story.path, "rev-parse", "refs/fits/1^").decode().strip() == story.tip("main")
    assert git(story.path, "rev-parse", "refs/fits/1^{tree}").decode().strip() == verdict.tree


def test_the_same_meeting_gives_the_same_commit(story: Story) -> None:
    patch = contribute(story, {"a.txt": FIX})
    story.commit({"b.txt": changed(TEXT, 1, "other\n")})
    assert meet(story, patch).commit == meet(story, patch).commit


def test_a_patch_that_only_its_base_can_place_merges(story: Story) -> None:
    patch = contribute(story, {"a.txt": FIX})
    story.commit({"a.txt": changed(TEXT, 12, "line twelve\n")})
    verdict = meet(story, patch)
    assert verdict.kind is Kind.MERGES
    assert git(story.path, "show", f"{verdict.commit}:a.txt").decode() == changed(FIX, 12, "line twelve\n")


def test_a_conflict_names_its_files_and_leaves_nothing_behind(story: Story) -> None:
    patch = contribute(story, {"a.txt": FIX, "b.txt": FIX})
    story.commit({"a.txt": changed(TEXT, 10, "zehn\n")})
    before = git(story.path, "count-objects")
    verdict = meet(story, patch, keep="refs/fits/1")
    assert (verdict.kind, verdict.files, verdict.commit) == (Kind.CONFLICTS, ("a.txt",), "")
    assert git(story.path, "count-objects") == before
    assert not list(story.path.glob("bench-*"))
    with pytest.raises(GitFailed):
        git(story.path, "rev-parse", "--verify", "refs/fits/1")


def test_a_release_that_contains_the_commit_has_it(story: Story) -> None:
    patch = contribute(story, {"a.txt": FIX})
    story.commit({"b.txt": "new\n"}, on="main", start=patch.tip)
    verdict = meet(story, patch)
    assert (verdict.kind, verdict.evidence, verdict.upstream_commit) == (Kind.UPSTREAM, "ancestor", patch.tip)


def test_a_change_id_finds_the_reviewed_form_of_the_patch(story: Story) -> None:
    patch = contribute(story, {"a.txt": FIX}, f"{SUBJECT}\n\nChange-Id: I{'a1' * 20}\n")
    merged = story.commit({"a.txt": changed(TEXT, 10, "TEN\n")}, f"Reworded\n\nChange-Id: I{'a1' * 20}\n")
    verdict = meet(story, patch)
    assert (verdict.kind, verdict.evidence, verdict.upstream_commit) == (Kind.UPSTREAM, "change-id", merged)


def test_a_patch_id_finds_the_patch_that_later_work_has_buried(story: Story) -> None:
    patch = contribute(story, {"a.txt": FIX})
    story.commit({"b.txt": "before\n"})
    merged = story.commit({"a.txt": FIX}, "Another title\n")
    story.commit({"a.txt": changed(TEXT, 10, "the tenth line\n")})
    verdict = meet(story, patch)
    assert (verdict.kind, verdict.evidence, verdict.upstream_commit) == (Kind.UPSTREAM, "patch-id", merged)


def test_a_patch_that_upstream_took_back_applies_again(story: Story) -> None:
    patch = contribute(story, {"a.txt": FIX})
    merged = story.commit({"a.txt": FIX}, f"{SUBJECT}\n")
    reverting = story.commit({"a.txt": TEXT}, f'Revert "{SUBJECT}"\n\nThis reverts commit {merged}.\n')
    verdict = meet(story, patch)
    assert verdict.kind is Kind.APPLIES
    assert merged[:12] in verdict.detail
    assert reverting[:12] in verdict.detail


def test_a_revert_that_was_reverted_counts_as_merged(story: Story) -> None:
    patch = contribute(story, {"a.txt": FIX})
    merged = story.commit({"a.txt": FIX}, f"{SUBJECT}\n")
    reverting = story.commit({"a.txt": TEXT}, f'Revert "{SUBJECT}"\n\nThis reverts commit {merged}.\n')
    story.commit({"a.txt": FIX}, f'Revert "Revert "{SUBJECT}""\n\nThis reverts commit {reverting}.\n')
    story.commit({"a.txt": changed(TEXT, 10, "the tenth line\n")})
    assert meet(story, patch).kind is Kind.UPSTREAM


def test_a_patch_inside_a_large_import_is_found_by_its_content(story: Story) -> None:
    patch = contribute(story, {"a.txt": FIX})
    story.commit({"a.txt": FIX, "b.txt": changed(TEXT, 5, "new\n"), "c.txt": "new\n"}, "Import 2.0\n")
    verdict = meet(story, patch)
    assert (verdict.kind, verdict.evidence) == (Kind.UPSTREAM, "empty-merge")


def test_a_patch_that_can_be_taken_off_is_there_though_a_merge_would_conflict(story: Story) -> None:
    patch = contribute(story, {"a.txt": FIX})
    lines = FIX.splitlines(keepends=True)
    story.commit({"a.txt": "".join([*lines[:4], *lines[16:], *lines[4:16]])}, "Import 2.0, with a part moved\n")
    verdict = meet(story, patch)
    assert (verdict.kind, verdict.evidence) == (Kind.UPSTREAM, "reverse-apply")


def test_the_same_subject_alone_makes_it_only_probable(story: Story) -> None:
    patch = contribute(story, {"a.txt": FIX})
    merged = story.commit({"a.txt": changed(TEXT, 10, "the tenth\n")}, f"{SUBJECT}\n")
    verdict = meet(story, patch)
    assert (verdict.kind, verdict.evidence, verdict.upstream_commit) == (
        Kind.PROBABLY_UPSTREAM,
        "subject",
        merged,
    )
    assert verdict.files == ("a.txt",)


@pytest.mark.parametrize("subject", ["Fix typo", "Spell the eleventh line in a word"])
def test_a_subject_that_says_little_or_another_thing_is_no_sign(story: Story, subject: str) -> None:
    patch = contribute(story, {"a.txt": FIX}, "Fix typo\n")
    story.commit({"a.txt": changed(TEXT, 10, "the tenth\n")}, f"{subject}\n")
    assert meet(story, patch).kind is Kind.CONFLICTS


def test_a_series_is_there_when_each_of_its_commits_is(story: Story) -> None:
    first = contribute(story, {"a.txt": FIX})
    tip = story.commit({"b.txt": FIX}, "The other file\n", on="patch")
    story.commit({"b.txt": FIX}, "Another title\n")
    half = meet(story, Patch(first.base, tip))
    assert half.kind is Kind.MERGES or half.kind is Kind.APPLIES
    assert "1 of its 2 commits" in half.detail
    story.commit({"a.txt": FIX}, "A third title\n")
    story.commit({"a.txt": changed(TEXT, 10, "the tenth\n")})
    assert meet(story, Patch(first.base, tip)).evidence == "patch-id"


def test_an_older_release_is_met_as_well(story: Story) -> None:
    story.commit({"c.txt": "only later\n"}, on="main")
    git(story.path, "update-ref", "refs/heads/old", f"{story.tip('main')}^")
    patch = contribute(story, {"a.txt": FIX})
    assert meet(story, patch, "old").kind is Kind.APPLIES
    needs_later = Patch(patch.base, story.commit({"c.txt": "changed\n"}, on="other", start=patch.base))
    assert meet(story, needs_later, "old").files == ("c.txt",)


def test_without_its_base_a_patch_applies_by_its_context_and_says_so(story: Story, tmp_path: Path) -> None:
    patch = contribute(story, {"a.txt": FIX})
    change = diff(story.path, patch.base, patch.tip)
    other = Story(tmp_path / "other.git")
    other.commit({"a.txt": "new first line\n" + TEXT, "README": "text\n"})
    verdict = judge(other.path, Patch(patch.base, patch.tip, change), other.tip("main"))
    assert (verdict.kind, verdict.way) == (Kind.MERGES, Way.CONTEXT)
    assert "at other lines" in verdict.detail
    assert git(other.path, "show", f"{verdict.commit}:a.txt").decode() == "new first line\n" + FIX


def test_without_its_base_and_without_its_context_there_is_no_base(story: Story, tmp_path: Path) -> None:
    patch = contribute(story, {"a.txt": FIX})
    change = diff(story.path, patch.base, patch.tip)
    other = Story(tmp_path / "other.git")
    other.commit({"a.txt": "quite another\n"})
    assert judge(other.path, Patch(patch.base, patch.tip, change), other.tip("main")).kind is Kind.NO_BASE
    assert judge(other.path, Patch(patch.base, patch.tip), other.tip("main")).kind is Kind.NO_BASE


def test_a_patch_of_links_modes_and_bytes_comes_out_as_it_went_in(story: Story) -> None:
    base = story.tip("main")
    odd = {"link": ("120000", b"a.txt"), "run": ("100755", b"#!/bin/sh\n"), "bytes": bytes(range(256)), "a.txt": None}
    tip = story.commit(odd, on="patch", start=base)
    story.commit({"b.txt": "later\n"})
    verdict = meet(story, Patch(base, tip))
    assert verdict.kind is Kind.APPLIES
    listed = git(story.path, "ls-tree", "-r", "--format=%(objectmode) %(path)", verdict.tree).decode().split("\n")
    assert listed[:-1] == ["100644 b.txt", "100644 bytes", "120000 link", "100755 run"]


def test_attributes_of_the_tree_hide_no_change(story: Story) -> None:
    base = story.tip("main")
    attributes = "*.txt -diff merge=union export-ignore\n"
    tip = story.commit({".gitattributes": attributes, "a.txt": FIX}, on="patch", start=base)
    assert b"+line ten" in diff(story.path, base, tip)
    # Not every git reads a tree's attributes in a bare repository; this command of every git does.
    assert b"line ten" in git(story.path, "archive", "--format=tar", tip)


def test_a_patch_id_does_not_depend_on_where_the_change_stands(story: Story) -> None:
    patch = contribute(story, {"a.txt": FIX, "b.txt": FIX})
    story.commit({"a.txt": "first\n" + TEXT})
    base = story.tip("main")
    moved = story.commit({"a.txt": "first\n" + FIX, "b.txt": FIX}, on="moved", start=base)
    assert patch_id(story.path, patch.base, patch.tip) == patch_id(story.path, base, moved)
    assert patch_id(story.path, base, base) == ""


def test_patch_ids_of_history_are_computed_once(story: Story) -> None:
    made = story.commit({"a.txt": FIX})
    empty = story.commit({})
    found = patch_ids_of_commits(story.path, [empty, made])
    assert list(found.values()) == [made]
    lines = (story.path / "patch-ids").read_text().splitlines()
    assert patch_ids_of_commits(story.path, [empty, made]) == found
    assert (story.path / "patch-ids").read_text().splitlines() == lines
    assert len(lines) == 2
