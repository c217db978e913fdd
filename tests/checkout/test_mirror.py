import io
import threading
from pathlib import Path

import pytest

from contributions.checkout.bundles import write_bundle
from contributions.checkout.mirror import ensure_bundle, fetch_mirror, releases_in, upstream_of, version_order
from contributions.checkout.repositories import has_commit
from contributions.checkout.runner import git
from contributions.checkout.sources import source_repository
from contributions.errors import Invalid, Trouble
from portal.services.gitd import GitDaemon
from tests.checkout.stories import TEXT, Story

VERSION = r"v?\d+(\.\d+)*"


@pytest.fixture
def upstream(served: Path) -> Story:
    story = Story(served / "upstream.git")
    story.tag("1.0", story.commit({"a.txt": TEXT}))
    story.tag("1.1", story.commit({"a.txt": TEXT + "more\n"}), annotated=False)
    story.commit({"a.txt": TEXT + "stable\n"}, on="stable/1.0", start="refs/tags/1.0^{commit}")
    return story


@pytest.fixture
def mirror(tmp_path: Path, daemon: GitDaemon, upstream: Story) -> Path:
    path = tmp_path / "mirrors" / "component.git"
    fetch_mirror(path, daemon.url(upstream.path.name), allow_private=True)
    return path


def again(mirror: Path, daemon: GitDaemon) -> None:
    fetch_mirror(mirror, daemon.url("upstream.git"), allow_private=True)


def test_tags_and_branches_that_match_are_releases(mirror: Path, upstream: Story) -> None:
    found = releases_in(mirror, VERSION)
    assert [(each.name, each.kind) for each in found] == [("1.0", "tag"), ("1.1", "tag")]
    assert found[1].commit == upstream.tip("main")
    assert found[0].committed_at is not None
    assert found[0].committed_at.year == 2023
    branches = releases_in(mirror, r"stable/.*")
    assert [(each.name, each.kind, each.commit) for each in branches] == [
        ("stable/1.0", "branch", upstream.tip("stable/1.0"))
    ]


def test_a_tag_hides_a_branch_of_the_same_name(mirror: Path, daemon: GitDaemon, upstream: Story) -> None:
    upstream.commit({"a.txt": "other\n"}, on="1.0")
    again(mirror, daemon)
    assert [each.kind for each in releases_in(mirror, r"1\.0")] == ["tag"]


def test_a_pattern_that_is_no_expression_is_refused(mirror: Path) -> None:
    with pytest.raises(Invalid, match="regular expression"):
        releases_in(mirror, "(")


def test_versions_are_ordered_by_their_numbers() -> None:
    names = ["1.10.0", "2.0", "1.9", "1.10.0rc1", "1.10.0.1", "v1.10.0b2", "1.10", "stable/2.0", "2.0.0-eol"]
    assert sorted(names, key=version_order) == [
        "1.9",
        "1.10",
        "v1.10.0b2",
        "1.10.0rc1",
        "1.10.0",
        "1.10.0.1",
        "2.0",
        "2.0.0-eol",
        "stable/2.0",
    ]


def test_what_upstream_adds_moves_and_removes_is_followed(mirror: Path, daemon: GitDaemon, upstream: Story) -> None:
    old = upstream.tip("main")
    new = upstream.commit({"b.txt": "new\n"}, on="other", start="refs/tags/1.0^{commit}")
    git(upstream.path, "update-ref", "refs/heads/main", new)
    git(upstream.path, "update-ref", "-d", "refs/tags/1.1")
    git(upstream.path, "update-ref", "-d", "refs/heads/stable/1.0")
    upstream.commit({"c.txt": "c\n"}, on="stable", start=new)
    again(mirror, daemon)
    assert git(mirror, "rev-parse", "refs/upstream/heads/main").decode().strip() == new
    assert [each.name for each in releases_in(mirror, ".*")] == ["1.0", "main", "other", "stable"]
    assert has_commit(mirror, old), "what a release pinned stays"


def test_names_that_are_no_text_stop_nothing_and_name_no_release(
    mirror: Path, daemon: GitDaemon, upstream: Story, tmp_path: Path
) -> None:
    tip = upstream.tip("main").encode()
    odd = ("1.2\u2028", "1.3\x85", "1.4\u202e5")  # lines end there for Python and not for git
    names = [*(name.encode() for name in odd), b"1.6-caf\xe9", b"--upload-pack=x", "1.7-é".encode()]
    made = b"".join(b"create refs/tags/%s %s\n" % (name, tip) for name in names)
    git(upstream.path, "update-ref", "--stdin", input=made)
    again(mirror, daemon)
    again(mirror, daemon)
    assert [each.name for each in releases_in(mirror, "(?s)1[.].*")] == ["1.0", "1.1", "1.7-é"]
    built = source_repository(mirror, tip.decode(), tmp_path / "built.git")
    kept = git(built, "for-each-ref", "--format=%(refname:lstrip=2)", "refs/tags").split(b"\n")[:-1]
    assert sorted(kept) == sorted([*names, b"1.1"]), "whoever builds has all tags that are on the commit"


def test_upstream_that_does_not_answer_is_our_trouble(tmp_path: Path, served: Path, daemon: GitDaemon) -> None:
    with pytest.raises(Trouble):
        fetch_mirror(tmp_path / "m.git", daemon.url("nothing.git"), allow_private=True)
    assert served.exists()


def test_upstream_inside_our_network_is_refused(tmp_path: Path, daemon: GitDaemon) -> None:
    with pytest.raises(Invalid):
        fetch_mirror(tmp_path / "m.git", daemon.url("upstream.git"), allow_private=False)


def test_the_remains_of_a_broken_fetch_are_swept(mirror: Path, daemon: GitDaemon) -> None:
    remains = upstream_of(mirror) / "objects" / "pack" / "tmp_pack_abcdef"
    remains.write_bytes(b"half a pack")
    again(mirror, daemon)
    assert not remains.exists()


def test_upstreams_flawed_objects_do_not_come_in(mirror: Path, daemon: GitDaemon, upstream: Story) -> None:
    blob = bytes.fromhex(upstream.write("blob", b"[core]\n"))
    upstream.commit_tree(upstream.write("tree", b"100644 .git\0" + blob), on="bad")
    with pytest.raises(Trouble):
        again(mirror, daemon)
    assert not has_commit(mirror, upstream.tip("bad"))


def test_two_that_fetch_at_once_wait_for_each_other(tmp_path: Path, daemon: GitDaemon, upstream: Story) -> None:
    path, failures = tmp_path / "mirrors" / "shared.git", []

    def fetch() -> None:
        try:
            fetch_mirror(path, daemon.url(upstream.path.name), allow_private=True)
        except Exception as failure:  # noqa: BLE001 - told below
            failures.append(failure)

    threads = [threading.Thread(target=fetch) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(releases_in(path, VERSION)) == 2


def test_a_mirror_that_was_moved_still_sees_upstreams_objects(mirror: Path, upstream: Story) -> None:
    moved = mirror.rename(mirror.with_name("moved.git"))
    assert git(moved, "show", f"{upstream.tip('main')}:a.txt").decode() == TEXT + "more\n"


def test_a_revision_is_brought_back_from_its_bundle(mirror: Path, upstream: Story) -> None:
    base = upstream.tip("main")
    tip = upstream.commit({"a.txt": "patched\n"}, on="patch", start=base)
    raw = write_bundle(upstream.path, base, tip)
    ensure_bundle(mirror, io.BytesIO(raw), tip=tip, name="7")
    assert git(mirror, "rev-parse", "refs/revisions/7").decode().strip() == tip
    assert not has_commit(upstream_of(mirror), tip), "a stranger's fetch cannot borrow it"
    ensure_bundle(mirror, io.BytesIO(b"not read, as the commits are here"), tip=tip, name="7")


def test_a_stored_bundle_of_other_commits_is_our_trouble(mirror: Path, upstream: Story) -> None:
    base = upstream.tip("main")
    tip = upstream.commit({"a.txt": "patched\n"}, on="patch", start=base)
    raw = write_bundle(upstream.path, base, tip)
    with pytest.raises(Trouble, match="instead of"):
        ensure_bundle(mirror, io.BytesIO(raw), tip="f" * 40, name="7")
    with pytest.raises(Trouble):
        ensure_bundle(mirror, io.BytesIO(b"broken"), tip="e" * 40, name="7")


def test_a_build_sees_one_commit_with_its_tags_and_nothing_else(mirror: Path, tmp_path: Path, upstream: Story) -> None:
    release = git(mirror, "rev-parse", "refs/upstream/tags/1.0^{commit}").decode().strip()
    source = source_repository(mirror, release, tmp_path / "source.git")
    assert git(source, "rev-list", "--all").decode().split() == [release]
    assert git(source, "cat-file", "-t", "1.0") == b"tag\n"
    assert git(source, "show", "main:a.txt").decode() == TEXT
    assert not has_commit(source, upstream.tip("main"))
    assert not (source / "objects" / "info" / "alternates").exists()
    git(source, "fsck", "--strict")


def test_the_repository_for_a_build_is_cloned_by_plain_git(mirror: Path, tmp_path: Path, upstream: Story) -> None:
    source = source_repository(mirror, upstream.tip("stable/1.0"), tmp_path / "source.git")
    allowed = {"GIT_ALLOW_PROTOCOL": "file"}
    git(tmp_path / "clone" / ".git", "clone", "-q", str(source), str(tmp_path / "clone"), env=allowed)
    assert (tmp_path / "clone" / "a.txt").read_text() == TEXT + "stable\n"
    assert git(source, "rev-list", "--all").decode().split() == [upstream.tip("stable/1.0")]
    modes = {each.stat().st_mode & 0o777 for each in [source, *source.rglob("*")]}
    assert modes == {0o755, 0o644}
