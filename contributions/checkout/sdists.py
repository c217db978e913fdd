"""Source releases become a git repository with one commit and one annotated tag a release.

Nothing is unpacked to disk: archives are read in memory under limits and written by `git fast-import`, so
that the same archives give the same commit, tree and tag ids on every machine.

Layout: the first version of each X.Y series is a commit on `main`, its later versions are on `stable/X.Y`.
What only the source release has and the upstream repository has not (PKG-INFO, what pbr and setuptools
generate) is left out, so that a tree is the upstream tree of that tag as nearly as can be.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import re
import tarfile
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, cast

from contributions.checkout.runner import MIB, git, run
from contributions.errors import Invalid, TooLarge

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

MAX_UNPACKED = 256 * MIB
MAX_FILE = 32 * MIB
MAX_FILES = 50_000

WHO = b"sdist import <sdist-import@example.invalid>"
GENERATED = re.compile(r"(PKG-INFO|[^/]+\.egg-info/.*|RELEASENOTES\.rst|releasenotes/notes/reno\.cache)")
EGG_INFO = re.compile(rb"\n*\[egg_info\]\ntag_build ?= ?\ntag_date ?= ?0\n+\Z")
ARCHIVE = re.compile(r"(?P<package>.+)-(?P<version>\d[^-]*)\.tar\.(gz|bz2)")
REPOSITORY_NAMES = {".git", "git~1"}


@dataclass(frozen=True)
class File:
    mode: str
    content: bytes


@dataclass(frozen=True)
class SourceRelease:
    """One version as its archive has it; `newest` is the time of its youngest file, in seconds."""

    version: str
    sha256: str
    newest: int
    files: dict[str, File] = field(repr=False)

    @property
    def series(self) -> str:
        return ".".join(self.version.split(".")[:2])

    @property
    def order(self) -> tuple[int, ...]:
        return tuple(int(number) for number in re.findall(r"\d+", self.version))


class _Capped:
    """A stream that refuses to give more than `left` bytes, before it allocates them."""

    def __init__(self, stream: IO[bytes], left: int) -> None:
        self.stream = stream
        self.left = left

    def read(self, size: int = -1) -> bytes:
        if size < 0 or size > self.left:
            size = self.left + 1
        chunk = self.stream.read(size)
        self.left -= len(chunk)
        if self.left < 0:
            raise TooLarge(f"The source release unpacks to more than {MAX_UNPACKED // MIB} MiB.")
        return chunk


def find_archive(folder: Path, package: str, version: str) -> Path | None:
    """The archive of this version in `folder`, however its name spells the package."""
    for archive in sorted(folder.glob(f"*-{version}.tar.*")):
        name = ARCHIVE.fullmatch(archive.name)
        if name and name["version"] == version and _normal(name["package"]) == _normal(package):
            return archive
    return None


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def read_source_release(archive: Path, version: str) -> SourceRelease:
    """Read a .tar.gz or .tar.bz2.

    Raises Invalid for an archive that cannot be read or would leave its tree, TooLarge beyond the limits.
    """
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    try:
        files, newest = _members(archive)
    except (tarfile.TarError, OSError, EOFError, ValueError) as fault:
        raise Invalid(f"{archive.name} is not a source release that can be read: {fault}") from fault
    return SourceRelease(version, digest, newest, _without_generated(files))


def _members(archive: Path) -> tuple[dict[str, File], int]:
    opened = bz2.open if archive.name.endswith(".bz2") else gzip.open
    files: dict[str, File] = {}
    newest = 0
    with opened(archive, "rb") as stream:
        capped = cast("IO[bytes]", _Capped(cast("IO[bytes]", stream), MAX_UNPACKED))
        with tarfile.open(fileobj=capped, mode="r|") as members:
            for member in members:
                newest = max(newest, int(member.mtime))
                name = _inner_name(member.name)
                if name and not member.isdir():
                    files[name] = _file(members, member, name, files)
                if len(files) > MAX_FILES:
                    raise TooLarge(f"The source release has more than {MAX_FILES:,} files.")
    return files, newest


def _inner_name(name: str) -> str:
    """The name without the archive's top directory."""
    parts = name.split("/")
    if name.startswith("/") or ".." in parts or "\0" in name:
        raise Invalid(f"The source release has a member outside of its tree: {name!r}.")
    if any(part.lower() in REPOSITORY_NAMES for part in parts):
        raise Invalid(f"The source release brings a git directory: {name!r}.")
    return "/".join(part for part in parts[1:] if part not in {"", "."})


def _file(archive: tarfile.TarFile, member: tarfile.TarInfo, name: str, earlier: dict[str, File]) -> File:
    if name in earlier:
        raise Invalid(f"The source release has {name!r} twice.")
    if member.issym():
        return File("120000", _link_inside(name, member.linkname))
    if member.islnk() and _inner_name(member.linkname) in earlier:
        return earlier[_inner_name(member.linkname)]
    if not member.isfile():
        raise Invalid(f"The source release has a member that is no file: {name!r}.")
    if member.size > MAX_FILE:
        raise TooLarge(f"{name!r} is larger than {MAX_FILE // MIB} MiB.")
    content = archive.extractfile(member)
    with closing(cast("IO[bytes]", content)) as stream:
        return File("100755" if member.mode & 0o100 else "100644", stream.read())


def _link_inside(name: str, target: str) -> bytes:
    depth = len(PurePosixPath(name).parts) - 1
    for part in target.split("/"):
        depth += {"..": -1, ".": 0, "": 0}.get(part, 1)
        if depth < 0 or target.startswith("/"):
            raise Invalid(f"The source release has a link out of its tree: {name!r}.")
    return target.encode("utf-8", "surrogateescape")


def _without_generated(files: dict[str, File]) -> dict[str, File]:
    configuration = files.get("setup.cfg", File("", b"")).content
    kept = {name: each for name, each in files.items() if not GENERATED.fullmatch(name)}
    if b"skip_authors" not in configuration.lower():
        kept.pop("AUTHORS", None)
    if b"skip_changelog" not in configuration.lower():
        kept.pop("ChangeLog", None)
    if "setup.cfg" in kept:
        kept["setup.cfg"] = File(kept["setup.cfg"].mode, _as_written(configuration))
    return kept


def _as_written(setup_cfg: bytes) -> bytes:
    """Undo what setuptools did to setup.cfg: its own section, tabs for indents, blanks at line ends."""
    text = EGG_INFO.sub(b"\n", setup_cfg)
    text = re.sub(rb"^\t", b"    ", text, flags=re.MULTILINE)
    return re.sub(rb"[ \t]+$", b"", text, flags=re.MULTILINE)


def write_repository(package: str, releases: Sequence[SourceRelease], repo: Path) -> dict[str, str]:
    """Make the bare repository `repo` (which must not exist); answers version -> commit id."""
    ordered = sorted(releases, key=lambda release: release.order)
    run(["init", "-q", "--bare", "--object-format=sha1", "-b", "main", str(repo)])
    stream = b"".join(_stream(package, ordered))
    git(repo, "fast-import", "--quiet", "--date-format=raw", "--done", input=stream, timeout=300)
    return {
        release.version: git(repo, "rev-parse", f"refs/tags/{release.version}^{{commit}}").decode().strip()
        for release in ordered
    }


def _stream(package: str, ordered: Sequence[SourceRelease]) -> Iterator[bytes]:
    """The commands for fast-import: a commit and a tag for each release."""
    tips: dict[str, int] = {}
    for mark, release in enumerate(ordered, start=1):
        first = release.series not in tips
        branch = "main" if first else f"stable/{release.series}"
        parent = tips.get("main" if first else release.series)
        yield from _commit(package, release, branch, mark, parent)
        yield from _tag(package, release, mark)
        tips[release.series] = mark
        if first:
            tips["main"] = mark
    yield b"done\n"


def _commit(package: str, release: SourceRelease, branch: str, mark: int, parent: int | None) -> Iterator[bytes]:
    title = f"{package} {release.version}\n\n"
    message = f"{title}Imported from the source release.\nsdist sha256: {release.sha256}\n".encode()
    who = b"%s %d +0000" % (WHO, release.newest)
    yield b"commit refs/heads/%s\nmark :%d\n" % (branch.encode(), mark)
    yield b"author %s\ncommitter %s\n%s" % (who, who, _data(message))
    if parent:
        yield b"from :%d\n" % parent
    yield b"deleteall\n"
    for name, each in sorted(release.files.items()):
        yield b"M %s inline %s\n%s" % (each.mode.encode(), _quoted(name), _data(each.content))
    yield b"\n"


def _tag(package: str, release: SourceRelease, mark: int) -> Iterator[bytes]:
    yield b"tag %s\nfrom :%d\n" % (release.version.encode(), mark)
    yield b"tagger %s %d +0000\n" % (WHO, release.newest)
    yield _data(f"{package} {release.version}\n".encode())


def _data(content: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(content), content)


def _quoted(name: str) -> bytes:
    raw = name.encode("utf-8", "surrogateescape")
    return b'"' + raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n") + b'"'
