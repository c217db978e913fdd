"""What a build sees of git: a release unpacked by us, and what one commit adds to it; nothing is borrowed."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from contributions.checkout.repositories import new_repository
from contributions.checkout.runner import git

if TYPE_CHECKING:
    from pathlib import Path

BRANCH = "refs/heads/main"
BASE_IN_THE_JAIL = "/base.git"  # where the sandbox shows the unpacked release's repository
SUBMODULE = "160000"
NOTHING = "0" * 40
FIRST_DATE = 315_532_800  # 1980: zip files know no earlier one

# The tree is looked at again on another file system, where inode and change time are others.
CONFIGURATION = """\
[core]
	repositoryFormatVersion = 0
	fileMode = true
	bare = false
	checkStat = minimal
	trustCtime = false
"""


def source_repository(mirror: Path, commit: str, into: Path) -> Path:
    """Make the bare repository `into` with the one commit on `main`.

    Upstream's tags on it come along as upstream made them, because tools read a version from them.
    """
    tags = _tags_on(mirror, commit)
    wanted = _objects_of(mirror, commit) + b"".join(target + b"\n" for target in tags.values())
    new_repository(into)
    pack = git(mirror, "pack-objects", "-q", "--stdout", "--delta-base-offset", input=wanted, timeout=300)
    git(into, "index-pack", "--stdin", "--threads=1", input=pack, timeout=300)
    (into / "shallow").write_text(f"{commit}\n")
    git(into, "update-ref", BRANCH, commit)
    named = b"".join(b"create refs/tags/%s %s\n" % (name, target) for name, target in tags.items())
    git(into, "update-ref", "--stdin", input=named)
    _open_to_all(into)
    return into


def unpack_release(mirror: Path, commit: str, into: Path, *, owner: int | None = None) -> None:
    """Fill the directory `into`: `source.git` with the one commit, and `tree`, a work tree that `owner` may change.

    No hook or filter runs, links stay links. Every file has the date of the commit, so that git in a jail sees at a
    glance that none was changed.
    """
    repository = source_repository(mirror, commit, into / "source.git")
    tree = into / "tree"
    inner = tree / ".git"
    new_repository(inner)
    (inner / "info" / "attributes").unlink()  # a build sees what upstream's own checkout would give
    (inner / "config").write_text(CONFIGURATION)
    (inner / "objects" / "info" / "alternates").write_text(f"{repository}/objects\n")
    shutil.copy(repository / "shallow", inner / "shallow")
    shutil.copytree(repository / "refs" / "tags", inner / "refs" / "tags", dirs_exist_ok=True)
    place = ("-c", "core.symlinks=true", f"--work-tree={tree}")
    git(inner, *place, "-c", "advice.detachedHead=false", "checkout", "-q", "--detach", commit, timeout=300)
    date = int(git(inner, "log", "-1", "--format=%ct").strip() or b"0")
    (repository / "date").write_text(f"{date}\n")
    (repository / "date").chmod(0o644)
    _settle(tree, min(max(date, FIRST_DATE), int(time.time()) - 60))
    git(inner, *place, "update-index", "-q", "--really-refresh")
    (inner / "objects" / "info" / "alternates").write_text(f"{BASE_IN_THE_JAIL}/objects\n")
    _hand_over(tree, owner)


def _settle(tree: Path, date: int) -> None:
    for folder, _, files in os.walk(tree):
        for name in files:
            os.utime(os.path.join(folder, name), (date, date), follow_symlinks=False)  # noqa: PTH118 - thousands


def _hand_over(tree: Path, owner: int | None) -> None:
    """Whatever the worker's umask is; the owner is who may change a copy of it."""
    for folder, _, files in os.walk(tree):
        for path in (folder, *(os.path.join(folder, name) for name in files)):  # noqa: PTH118 - thousands
            status = os.lstat(path)
            if not os.path.islink(path):  # noqa: PTH114 - the same
                os.chmod(path, 0o755 if status.st_mode & 0o100 else 0o644)  # noqa: PTH101 - the same
            if owner is not None:
                os.lchown(path, owner, owner)


@dataclass(frozen=True)
class Addition:
    """What a patched release has and its `base`, the release it was made on, has not; `date` in seconds since 1970."""

    commit: str
    base: str
    date: str
    objects: tuple[str, ...]


def addition_of(mirror: Path, commit: str, onto: str = "") -> Addition:
    """What it adds to the commit `onto` that it stands on, by way of others perhaps; else to its first parent.

    Raises GitFailed if there is no such commit.
    """
    parents, tree, date = git(mirror, "show", "-s", "--format=%P%n%T%n%ct", commit).decode().splitlines()[-3:]
    base = onto or parents.split()[0]
    options = ("-r", "-t", "-z", "--raw", "--no-renames", "--no-abbrev")
    listed = git(mirror, "diff-tree", *options, base, commit).decode("utf-8", "replace").split("\0")
    entries = (entry.split() for entry in listed[::2] if entry.strip())
    changed = {entry[3] for entry in entries if entry[1] != SUBMODULE and entry[3] != NOTHING}
    return Addition(commit, base, date, (commit, tree, *sorted(changed)))


def added_repository(mirror: Path, addition: Addition, into: Path) -> Path:
    """Make the bare repository `into` of the addition: beside the one of the unpacked base it is all that git needs."""
    packs = into / "objects" / "pack"
    packs.mkdir(parents=True)
    (into / "refs").mkdir()
    (into / "HEAD").write_text(f"{addition.commit}\n")
    (into / "shallow").write_text(f"{addition.base}\n{addition.commit}\n")
    (into / "date").write_text(f"{addition.date}\n")
    wanted = "".join(f"{name}\n" for name in addition.objects).encode()
    # By way of a pipe: git would make the pack beside the mirror and rename it, which no other file system allows.
    content = git(mirror, "pack-objects", "-q", "--stdout", "--delta-base-offset", input=wanted)
    pack = packs / f"pack-{content[-20:].hex()}.pack"  # the checksum at its end, which is how git names it
    pack.write_bytes(content)
    git(mirror, "index-pack", "--threads=1", str(pack))
    _open_to_all(into)
    return into


def _objects_of(mirror: Path, commit: str) -> bytes:
    listed = git(mirror, "rev-list", "--objects", "--no-object-names", "--max-count=1", commit)
    return listed if listed.endswith(b"\n") else listed + b"\n"


def _tags_on(mirror: Path, commit: str) -> dict[bytes, bytes]:
    """Name -> object of upstream's tags that name this very commit; git's names need be no text."""
    options = ("--format=%(refname:lstrip=3) %(objectname)", f"--points-at={commit}")
    listed = git(mirror, "for-each-ref", *options, "refs/upstream/tags")
    return dict(line.rsplit(b" ", 1) for line in listed.split(b"\n")[:-1])


def _open_to_all(repo: Path) -> None:
    for each in (repo, *repo.rglob("*")):
        each.chmod(0o755 if each.is_dir() else 0o644)
