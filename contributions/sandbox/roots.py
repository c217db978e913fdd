"""Unpacks a root: the /usr of another system, which builds see in place of the host's.

An operator's act, as a toolchain is: the archive is the operator's own, such as debootstrap or `podman export` make.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
import tempfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from contributions import errors
from contributions.sandbox.toolchains import open_for_reading, put_in_place, write_record

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = "root"
# Of a system only its programs and libraries are taken, and how they find each other.
TOPS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_TAKEN = (*TOPS, "usr", "etc/alternatives", "etc/ld.so.cache")
_PYTHONS = ("/usr/bin/python3", "/usr/local/bin/python3")


def make_root_toolchain(directory: Path, archive: Path) -> str:
    """Unpack a tar archive of a root file system into a toolchain and put it in place at once; answers the digest."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix=f".{directory.name}-") as scratch:
        made = Path(scratch) / "toolchain"
        (made / ROOT).mkdir(parents=True)
        (made / "bin").mkdir()
        _unpack(archive, made / ROOT)
        if python_of(made) is None:
            raise errors.Trouble(f"{archive.name} has no python3 in /usr/bin or /usr/local/bin, which builds need.")
        open_for_reading(made)
        digest = write_record(made, [], root=digest_of_archive(archive))
        put_in_place(made, directory, Path(scratch) / "old")
    return digest


def digest_of_archive(archive: Path) -> str:
    with archive.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def root_of(toolchain: Path | None) -> Path | None:
    """The root that a toolchain brings, if it brings one."""
    root = toolchain / ROOT if toolchain else None
    return root if root and root.is_dir() else None


def python_of(toolchain: Path) -> str | None:
    """Where the root's python3 lies; the links in it are those of another system and are not followed here."""
    return next((path for path in _PYTHONS if os.path.lexists(toolchain / ROOT / path[1:])), None)


def _unpack(archive: Path, root: Path) -> None:
    """Filters of the library's own came with Python 3.11.4; ours does what its “tar” filter would."""
    try:
        with tarfile.open(archive) as tar:
            tar.extraction_filter = lambda member, _: member
            tar.extractall(root, members=_wanted(tar, root.resolve()))  # noqa: S202 - the archive is the operator's own
    except (OSError, tarfile.TarError) as problem:
        raise errors.Trouble(f"{archive.name} cannot be unpacked: {problem}") from problem


def _wanted(tar: tarfile.TarFile, root: Path) -> Iterator[tarfile.TarInfo]:
    """Files, directories and links below what is taken, without set-user-id bits; devices stay out.

    Each is looked at when those before it lie there: a link among them must lead no later one out of the root.
    """
    for member in tar:
        name = PurePosixPath(member.name.lstrip("/")).as_posix()
        if member.isdev() or not any(name == taken or name.startswith(f"{taken}/") for taken in _TAKEN):
            continue
        places = [name, member.linkname] if member.islnk() else [name]
        if not all((root / place).resolve().is_relative_to(root) for place in places):
            raise tarfile.TarError(f"{name} leads out of it")
        member.name, member.mode = name, member.mode & 0o755
        yield member
