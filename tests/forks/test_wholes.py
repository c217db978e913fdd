"""All the patches of a fork laid one after the other are the fork: what its merges changed is one more of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contributions.models import UpstreamFetch
from contributions.pipeline.fetching import fetch
from tests.platform import GREETING, SHOUT, SONG, SONG_MENDED, SONG_REWRITTEN

from .conftest import Clone, make_fork, taken_apart, told

if TYPE_CHECKING:
    from pathlib import Path

    from contributions.models import Component, Fork, Person
    from tests.platform import Upstream

pytestmark = pytest.mark.django_db
LOUD = SONG.replace("verse 3\n", "VERSE 3\n")
BY_MERGES = "What the fork's merges changed by themselves"


def tree_of_all(fork: Fork, upstream: Upstream, place: Path, ground: str) -> str:
    """The tree of a clone of upstream into which every draft was cherry-picked from its bundle, in order."""
    upstream.git("clone", "-q", str(upstream.path), str(place))
    clone = Clone(place)
    clone.git("checkout", "-q", "--detach", ground)
    for row in fork.carried.filter(state="drafted").order_by("position"):
        assert row.contribution is not None
        revision = row.contribution.current
        assert revision is not None, row.contribution.revisions.get().sentence
        assert revision.bundle is not None
        bundle = place.with_name(f"{row.position}.bundle")
        bundle.write_bytes(revision.bundle.read())
        clone.git("fetch", "-q", str(bundle), "refs/heads/patch")
        clone.git("cherry-pick", f"{revision.base_commit}..{revision.tip_commit}")
    return clone.git("rev-parse", "HEAD^{tree}")


def tree_of(fork: Upstream) -> str:
    return fork.git("rev-parse", "main^{tree}")


def merge(fork: Upstream, name: str, words: str, **files: str) -> str:
    """Merge it without a commit, write the files as somebody would by hand, and commit all of that."""
    fork.git("merge", "-q", "--no-commit", "--no-ff", "-s", "ort", "-X", "ours", name)
    return fork.commit(words, **files)


def test_what_a_merge_changed_by_itself_is_a_patch_and_all_make_up_the_tree(
    component: Component, author: Person, fork: Upstream, upstream: Upstream, tmp_path: Path
) -> None:
    fork.commit("Sing the third louder", song__txt=LOUD)
    fork.git("checkout", "-q", "-b", "topic")
    fork.commit("Shout", greeting__py=SHOUT)
    fork.git("checkout", "-q", "main")
    evil = merge(fork, "topic", "Merge topic, and mend the licence", licence__txt="Do what you must.\nReally.\n")
    fork.commit("Say it twice", greeting__py=SHOUT + "\n\ngreet_again = greet\n")
    row = taken_apart(make_fork(component, author, fork))
    assert told(row)[-1] == (BY_MERGES, "drafted")
    rest = row.carried.get(title=BY_MERGES)
    assert [(one["sha"], one["files"], one["added"], one["removed"], one["settles"]) for one in rest.commits] == [
        (evil, 1, 2, 1, False)
    ]
    assert rest.commits[0]["paths"] == ["licence.txt"]
    assert "1 of its 1 merge changed files by themselves: 1 file, 2 lines added and 1 taken away." in row.note
    assert "on 2.0, its patches, the last of which has what is in no other, make up the very tree of the fork." in (
        row.note
    )
    assert tree_of_all(row, upstream, tmp_path / "all", "2.0") == tree_of(fork)


def test_a_patch_that_a_merge_settled_with_upstream_is_drafted_as_it_was_settled(
    component: Component, author: Person, fork: Upstream, upstream: Upstream, tmp_path: Path
) -> None:
    fork.commit("Sing the fifteenth louder", song__txt=SONG.replace("verse 15\n", "VERSE 15\n"))
    fork.commit("Shout", greeting__py=SHOUT)
    settled = SONG_MENDED.replace("verse fifteen\n", "VERSE FIFTEEN\n")
    merge(fork, "3.0", "Merge 3.0", song__txt=settled)
    row = taken_apart(make_fork(component, author, fork))
    assert row.release == component.releases.get(name="3.0")
    assert told(row) == [
        ("Sing the fifteenth louder", "drafted"), ("Shout", "drafted"), (BY_MERGES, "left-out"),
    ]  # fmt: skip
    first, _, rest = row.carried.order_by("position")
    assert first.base_commit == row.release.commit
    assert first.sentence == "As a merge of the fork settled it with song 3.0."
    assert rest.sentence == "All of it is in the patches above, or was changed again."
    assert rest.commits[0]["settles"]
    assert tree_of_all(row, upstream, tmp_path / "all", "3.0") == tree_of(fork)


def test_a_patch_that_does_not_fit_upstream_any_more_is_set_right_by_the_rest(
    component: Component, author: Person, fork: Upstream
) -> None:
    fork.commit("Sing the fifteenth louder", song__txt=SONG.replace("verse 15\n", "VERSE 15\n"))
    fork.commit("Sing the third louder", song__txt=LOUD.replace("verse 15\n", "VERSE 15\n"))
    merge(fork, "4.0", "Merge 4.0", song__txt=SONG_REWRITTEN.replace("verse 3\n", "VERSE 3\n"))
    row = taken_apart(make_fork(component, author, fork))
    first = row.carried.get(position=1)
    assert first.sentence.endswith("Laid after the earlier ones it conflicts in song.txt.")
    assert "on 4.0, its patches make up the very tree of the fork." in row.note
    assert "One of them does not fit onto the earlier ones in every file" in row.note


def test_a_fork_of_a_branch_that_is_ahead_of_the_release_is_held_against_that(
    component: Component, author: Person, fork: Upstream, upstream: Upstream, tmp_path: Path
) -> None:
    head = upstream.commit("Begin the next one", news__txt="More verses.\n")
    fork.git("fetch", "-q", "origin")
    fork.git("checkout", "-q", "-B", "main", head)
    fork.git("checkout", "-q", "-b", "topic")
    fork.commit("Shout", greeting__py=SHOUT)
    fork.git("checkout", "-q", "main")
    merge(fork, "topic", "Merge topic", licence__txt="Do what you must.\n")
    fetch(UpstreamFetch.objects.create(component=component).pk)
    row = taken_apart(make_fork(component, author, fork))
    assert f"Laid one after the other on upstream's {head[:12]}, its patches" in row.note
    assert tree_of_all(row, upstream, tmp_path / "all", head) == tree_of(fork)


def test_a_history_of_merges_only_says_so(component: Component, author: Person, fork: Upstream) -> None:
    fork.git("checkout", "-q", "-B", "main", "1.0")
    for name in ("2.0", "3.0"):
        fork.git("merge", "-q", "--no-ff", "-m", f"Merge {name}", name)
    row = taken_apart(make_fork(component, author, fork))
    assert (row.state, told(row)) == ("done", [])
    assert row.note == "Laid one after the other on 3.0, its patches make up the very tree of the fork."


def test_a_merge_of_another_history_is_a_patch_with_all_of_its_files(
    component: Component, author: Person, fork: Upstream, upstream: Upstream, tmp_path: Path
) -> None:
    fork.git("checkout", "-q", "--orphan", "other")
    fork.git("rm", "-q", "-rf", ".")
    fork.commit("Begin a tool", tool__py="print('tool')\n")
    fork.commit("Mend the tool", tool__py="print('a tool')\n")
    fork.git("checkout", "-q", "main")
    fork.commit("Shout", greeting__py=SHOUT)
    fork.git("merge", "-q", "--no-ff", "--allow-unrelated-histories", "-m", "Merge the tool", "other")
    row = taken_apart(make_fork(component, author, fork))
    assert (row.state, row.sentence) == ("done", "")
    assert {title for title, state in told(row) if state == "drafted"} == {"Begin a tool", "Shout"}
    assert tree_of_all(row, upstream, tmp_path / "all", "2.0") == tree_of(fork)


def test_another_history_that_has_a_file_of_upstream_too_is_drafted_beside_it(
    component: Component, author: Person, fork: Upstream
) -> None:
    fork.git("checkout", "-q", "--orphan", "other")
    fork.git("rm", "-q", "-rf", ".")
    fork.commit("Begin a tool", tool__py="print('tool')\n", licence__txt="All mine.\n")
    fork.git("checkout", "-q", "main")
    fork.git("merge", "-q", "--no-ff", "-X", "ours", "--allow-unrelated-histories", "-m", "Merge it", "other")
    row = taken_apart(make_fork(component, author, fork))
    assert (row.state, told(row)) == ("done", [("Begin a tool", "drafted"), (BY_MERGES, "left-out")])
    assert "make up the very tree of the fork." in row.note


def test_what_no_draft_can_bring_is_named(component: Component, author: Person, fork: Upstream) -> None:
    fork.git("update-index", "--add", "--cacheinfo", f"160000,{fork.git('rev-parse', 'HEAD')},vendored")
    fork.git("commit", "-q", "-m", "Vendor the choir")
    fork.git("rm", "-q", "--cached", "licence.txt")
    fork.git("commit", "-q", "-m", "Drop the licence")
    row = taken_apart(make_fork(component, author, fork))
    assert dict(told(row)) == {"Vendor the choir": "left-out", "Drop the licence": "drafted"}
    assert "make up the very tree of the fork but for 1 file: vendored." in row.note


def test_the_same_fork_again_drafts_its_rest_once(component: Component, author: Person, fork: Upstream) -> None:
    fork.git("checkout", "-q", "-b", "topic")
    fork.commit("Shout", greeting__py=SHOUT)
    fork.git("checkout", "-q", "main")
    merge(fork, "topic", "Merge topic", greeting__py=GREETING + "# softly\n")
    first = taken_apart(make_fork(component, author, fork))
    again = taken_apart(make_fork(component, author, fork))
    assert dict(told(again)) == {"Shout": "drafted", BY_MERGES: "drafted"}
    rest = first.carried.get(title=BY_MERGES)
    assert rest.state == "known"
    assert again.carried.get(title=BY_MERGES).contribution == rest.contribution
    assert rest.needs == [first.carried.get(title="Shout").key]
