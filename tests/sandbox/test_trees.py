"""A build's tree: a release that we unpacked once, and over it what the build's own commit changes."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from contributions.checkout.sources import added_repository, addition_of, unpack_release
from contributions.sandbox import BUILD_UID, Verdict, launching
from contributions.sandbox.sealing import seal
from tests.sandbox.jailing import LIMITS, Jailer, attack

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

OWNER = BUILD_UID if os.geteuid() == 0 else None


@dataclass
class Platform:
    """A mirror of one release, 1.0, and a patched release on it; `given` is what a job needs to build that."""

    folder: Path
    release: str = ""
    patched: str = ""
    given: dict[str, Any] = field(default_factory=dict)

    @property
    def work(self) -> Path:
        return self.folder / "work"

    def git(self, *arguments: str) -> str:
        who = {"NAME": "Upstream", "EMAIL": "upstream@example.org", "DATE": "2020-02-02T20:20:20Z"}
        environment = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()}
        environment |= {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
        command = ["git", "-C", str(self.work), *arguments]
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, message: str) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")

    def write(self, name: str, text: str) -> None:
        (self.work / name).parent.mkdir(parents=True, exist_ok=True)
        (self.work / name).write_text(text)

    def mirrored(self) -> Path:
        mirror = self.folder / "mirror.git"
        self.git("clone", "--quiet", "--bare", str(self.work), str(mirror))
        subprocess.run(["git", "-C", str(mirror), "update-ref", "refs/upstream/tags/1.0", "refs/tags/1.0"], check=True)
        return mirror


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    platform = Platform(tmp_path_factory.mktemp("platform"))
    platform.work.mkdir()
    platform.git("init", "--quiet", "--template=")
    platform.write("program.sh", "#!/bin/sh\necho hello\n")
    (platform.work / "program.sh").chmod(0o755)
    (platform.work / "link").symlink_to("program.sh")
    (platform.work / "outward").symlink_to("/etc/hostname")
    platform.write("windows.txt", "one\ntwo\n")
    platform.write("secret.txt", "not exported\n")
    platform.write(".gitattributes", "windows.txt text eol=crlf\nsecret.txt export-ignore\nprogram.sh filter=evil\n")
    platform.write("old/name.txt", "old\n")
    platform.write("old/sub/deep.txt", "deep\n")
    platform.write("gone.txt", "gone\n")
    platform.write("shape", "a file\n")
    platform.release = platform.commit("Begin")
    platform.git("tag", "-a", "1.0", "-m", "1.0")
    platform.git("rm", "-q", "gone.txt", "shape")
    platform.write("shape/inner.txt", "a directory now\n")
    platform.write("program.sh", "#!/bin/sh\necho patched\n")
    platform.write("new/file.txt", "new\n")
    platform.patched = platform.commit("Patch the release")
    platform.git("checkout", "-q", "--detach", "1.0")
    platform.write("private.txt", "another customer's\n")
    platform.commit("Somebody else's revision")
    platform.git("branch", "other")
    platform.git("checkout", "-q", platform.patched)
    mirror = platform.mirrored()
    base, added = platform.folder / "base", platform.folder / "added.git"
    base.mkdir()
    unpack_release(mirror, platform.release, base, owner=OWNER)
    added_repository(mirror, addition_of(mirror, platform.patched), added)
    platform.given = {"base": base, "sources": added, "commit": platform.patched}
    return platform


@pytest.fixture(params=["laid over", "copied by us", "copied in the jail"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """However the tree comes to its place, it is the same."""
    if request.param == "copied by us":
        monkeypatch.setattr(launching, "OVERLAY_OPTIONS", "no-such-option")
    if request.param == "copied in the jail":
        monkeypatch.setattr(launching._Launch, "_room", lambda _: None)  # noqa: SLF001 - as for a worker that is not root
    return str(request.param)


@pytest.mark.usefixtures("way")
def test_the_patched_release_is_a_work_tree_at_its_commit(jail: Jailer, platform: Platform) -> None:
    script = "git status --short; git log --format=%s; ./link; ls; cat shape/inner.txt; git rev-list --count HEAD"
    jailed = jail(script, **platform.given)
    assert jailed.outcome.verdict == Verdict.PASSED, jailed.log
    names = ["link", "new", "old", "outward", "program.sh", "secret.txt", "shape", "windows.txt"]
    assert jailed.log.splitlines()[1:-1] == ["Patch the release", "patched", *names, "a directory now", "1"]


@pytest.mark.usefixtures("way")
def test_the_bare_release_is_one_too_with_its_tag(jail: Jailer, platform: Platform) -> None:
    bare = {"base": platform.given["base"], "commit": platform.release}
    jailed = jail("git status --short; git describe; cat gone.txt; ./link; echo $SOURCE_DATE_EPOCH", **bare)
    assert jailed.log.splitlines()[1:-1] == ["1.0", "gone", "hello", "1580674820"]


@pytest.mark.usefixtures("way")
def test_it_is_what_upstreams_own_checkout_gives(jail: Jailer, platform: Platform, tmp_path: Path) -> None:
    script = "find . -path ./.git -prune -o -printf '%P %y %m %l\\n' | sort; md5sum windows.txt secret.txt program.sh"
    ours = jail(script, **platform.given).log.splitlines()[1:-1]
    control = tmp_path / "control"
    platform.git("clone", "--quiet", str(platform.work), str(control))
    plain = subprocess.run(["/bin/sh", "-c", script], cwd=control, capture_output=True, text=True, check=True)
    theirs = [line.replace(" 775", " 755").replace(" 664", " 644") for line in plain.stdout.splitlines()]
    assert ours[1:] == theirs[1:]
    assert "windows.txt f 644 " in ours
    crlf = jail("od -c windows.txt | head -1", **platform.given).log
    assert r"\r  \n" in crlf


@pytest.mark.usefixtures("way")
def test_a_build_may_do_with_its_tree_what_it_likes(jail: Jailer, platform: Platform) -> None:
    script = """
echo more >> link; chmod 600 secret.txt; rm -r shape; ln -s x shape
python3 -c "import os; os.rename('old', 'elsewhere'); os.rename('new', 'newer'); os.link('secret.txt', 'twice')"
cat elsewhere/sub/deep.txt newer/file.txt; git add -A
git -c user.name=a -c user.email=a@b commit -qm mine; git status --short
"""
    jailed = jail(script, **platform.given)
    assert jailed.outcome.verdict == Verdict.PASSED, jailed.log
    assert jailed.log.splitlines()[1:-1] == ["deep", "new"]


@pytest.mark.attack("S36")
@pytest.mark.usefixtures("way")
def test_what_one_build_does_no_other_sees(jail: Jailer, platform: Platform) -> None:
    before = tree_of(platform)
    look = "find . -printf '%P %s %m\\n' | sort | md5sum; git fsck 2>&1"
    seen = jail(look, **platform.given).log.splitlines()[1:-1]
    for script in (
        attack("deface.sh"),
        "rm -rf ./* .git/objects /base.git/* /unpacked/* /source.git/*; chmod -R 0 . || true",
    ):
        jail(script, environment={"CANARY": "/nonexistent"}, **platform.given)
    assert jail(look, **platform.given).log.splitlines()[1:-1] == seen
    assert tree_of(platform) == before


def tree_of(platform: Platform) -> str:
    """The digest of all that the worker keeps of the release; a copy of it, for sealing changes modes."""
    copy = platform.folder / "copy"
    shutil.copytree(platform.given["base"], copy, symlinks=True)
    try:
        return seal(copy)
    finally:
        shutil.rmtree(copy)


def test_no_other_revision_of_the_mirror_comes_along(jail: Jailer, platform: Platform) -> None:
    script = """
git cat-file --batch-all-objects --batch-check='%(objecttype)' | grep -c commit
git cat-file --batch-all-objects --batch | grep -a -c "another customer" || true
"""
    assert jail(script, **platform.given).log.splitlines()[1:-1] == ["2", "0"]
    found = "git cat-file -e {}"
    assert jail(found.format(platform.release), **platform.given).outcome.exit_code == 0
    assert jail(found.format(platform.git("rev-parse", "other")), **platform.given).outcome.exit_code == 1


@pytest.mark.usefixtures("way")
def test_its_changes_count_towards_the_disk_limit(jail: Jailer, platform: Platform) -> None:
    limits = replace(LIMITS, disk_mb=8)
    jailed = jail("head -c 30M /dev/zero > filler", limits=limits, **platform.given)
    assert jailed.outcome.limit
    assert jailed.outcome.limit.words == "disk limit of 8 MB"


def test_the_release_below_is_closed_to_tools_that_would_change_it(jail: Jailer, platform: Platform) -> None:
    """Root lays the build's tree over it, and the release itself is not to be seen; others copy it from /unpacked."""
    log = jail(
        "touch /base.git/mine /source.git/mine /unpacked/mine || true; mount || true; ls /", **platform.given
    ).log
    assert log.count("Read-only file system") == (2 if OWNER else 3)
    assert ("unpacked" in log.splitlines()) == (OWNER is None)
