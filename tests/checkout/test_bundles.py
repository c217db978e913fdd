from pathlib import Path

import pytest

from contributions.checkout.bundles import read_header, unpack, write_bundle
from contributions.checkout.repositories import has_commit, new_repository
from contributions.checkout.runner import git
from contributions.errors import Invalid
from tests.checkout.stories import TEXT, Story, changed


@pytest.fixture
def story(tmp_path: Path) -> Story:
    story = Story(tmp_path / "story.git")
    story.commit({"a.txt": TEXT})
    story.commit({"a.txt": changed(TEXT, 3, "three\n")}, on="fix", start=story.tip("main"))
    return story


@pytest.fixture
def upstream(tmp_path: Path, story: Story) -> Path:
    """A repository that holds the base and not the fix."""
    path = new_repository(tmp_path / "upstream.git")
    fetch(path, story.path, "refs/heads/main")
    return path


def fetch(into: Path, source: Path, ref: str) -> None:
    git(into, "fetch", "-q", str(source), f"+{ref}:{ref}", env={"GIT_ALLOW_PROTOCOL": "file"})


def test_commits_come_out_of_a_bundle_as_they_went_in(story: Story, upstream: Path) -> None:
    raw = write_bundle(story.path, story.tip("main"), story.tip("fix"))
    assert unpack(upstream, raw) == story.tip("fix")
    assert git(upstream, "show", f"{story.tip('fix')}:a.txt") == git(story.path, "show", "fix:a.txt")


def test_git_itself_takes_our_bundles(story: Story, upstream: Path, tmp_path: Path) -> None:
    (tmp_path / "fix.bundle").write_bytes(write_bundle(story.path, story.tip("main"), story.tip("fix")))
    git(upstream, "bundle", "verify", str(tmp_path / "fix.bundle"))
    fetch(upstream, tmp_path / "fix.bundle", "refs/heads/patch")
    assert has_commit(upstream, story.tip("fix"))


def test_we_take_gits_bundles(story: Story, upstream: Path, tmp_path: Path) -> None:
    git(story.path, "bundle", "create", "-q", str(tmp_path / "fix.bundle"), "main..fix")
    assert unpack(upstream, (tmp_path / "fix.bundle").read_bytes()) == story.tip("fix")


def test_the_same_commits_make_the_same_bytes_in_another_repository(story: Story, upstream: Path) -> None:
    raw = write_bundle(story.path, story.tip("main"), story.tip("fix"))
    unpack(upstream, raw)
    git(upstream, "update-ref", "refs/heads/fix", story.tip("fix"))
    git(upstream, "repack", "-q", "-a", "-d")
    assert write_bundle(upstream, story.tip("main"), story.tip("fix")) == raw


def test_a_bundle_on_an_unknown_commit_is_refused_with_its_name(story: Story, tmp_path: Path) -> None:
    raw = write_bundle(story.path, story.tip("main"), story.tip("fix"))
    with pytest.raises(Invalid, match=story.tip("main")[:12]):
        unpack(new_repository(tmp_path / "empty.git"), raw)


def test_a_bundle_of_two_branches_is_refused(story: Story, upstream: Path, tmp_path: Path) -> None:
    story.commit({"a.txt": "other\n"}, on="other", start=story.tip("main"))
    git(story.path, "bundle", "create", "-q", str(tmp_path / "two.bundle"), "^main", "fix", "other")
    with pytest.raises(Invalid, match="several branches"):
        unpack(upstream, (tmp_path / "two.bundle").read_bytes())


def test_a_bundle_that_was_cut_or_changed_is_refused(story: Story, upstream: Path) -> None:
    raw = write_bundle(story.path, story.tip("main"), story.tip("fix"))
    for broken in (raw[:-5], raw[:-30] + b"x" * 30, raw.replace(b"PACK", b"JACK", 1)):
        with pytest.raises(Invalid):
            unpack(upstream, broken)
    assert not has_commit(upstream, story.tip("fix"))


def test_a_bundle_that_names_what_it_does_not_hold_is_refused(story: Story, upstream: Path) -> None:
    raw = write_bundle(story.path, story.tip("main"), story.tip("fix"))
    with pytest.raises(Invalid, match="does not hold"):
        unpack(upstream, raw.replace(story.tip("fix").encode(), b"f" * 40))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n",
        b"# v2 git bundle",
        b"# v2 git bundle\n",
        b"# v2 git bundle\n\nPACK",
        b"# v9 git bundle\n\nPACK",
        b"# v3 git bundle\n@filter=blob:none\n" + b"a" * 40 + b" refs/heads/x\n\nPACK",
        b"# v2 git bundle\n" + b"nonsense\n" * 5000,
        b"diff --git a/x b/x\n",
    ],
    ids=range(9),
)
def test_what_is_no_bundle_is_refused(raw: bytes) -> None:
    with pytest.raises(Invalid):
        read_header(raw)
