"""The repository that a build sees: exactly one commit, nothing borrowed, readable by another user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contributions.checkout.repositories import new_repository
from contributions.checkout.runner import git

if TYPE_CHECKING:
    from pathlib import Path

BRANCH = "refs/heads/main"


def source_repository(mirror: Path, commit: str, into: Path) -> Path:
    """Make the bare repository `into` with the one commit on `main`.

    Upstream's tags on it come along as upstream made them, because tools read a version from them.
    """
    tags = _tags_on(mirror, commit)
    wanted = _objects_of(mirror, commit) + "".join(f"{target}\n" for target in tags.values()).encode()
    new_repository(into)
    pack = git(mirror, "pack-objects", "-q", "--stdout", "--delta-base-offset", input=wanted, timeout=300)
    git(into, "index-pack", "--stdin", "--threads=1", input=pack, timeout=300)
    (into / "shallow").write_text(f"{commit}\n")
    git(into, "update-ref", BRANCH, commit)
    for name, target in tags.items():
        git(into, "update-ref", f"refs/tags/{name}", target)
    _open_to_all(into)
    return into


def _objects_of(mirror: Path, commit: str) -> bytes:
    listed = git(mirror, "rev-list", "--objects", "--no-object-names", "--max-count=1", commit)
    return listed if listed.endswith(b"\n") else listed + b"\n"


def _tags_on(mirror: Path, commit: str) -> dict[str, str]:
    """Name -> object of upstream's tags that name this very commit."""
    options = ("--format=%(refname:lstrip=3) %(objectname)", f"--points-at={commit}")
    listed = git(mirror, "for-each-ref", *options, "refs/upstream/tags").decode().splitlines()
    return dict(line.rsplit(" ", 1) for line in listed)


def _open_to_all(repo: Path) -> None:
    for each in (repo, *repo.rglob("*")):
        each.chmod(0o755 if each.is_dir() else 0o644)
