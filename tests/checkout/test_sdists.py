import bz2
import gzip
import io
import tarfile
from pathlib import Path

import pytest

from contributions.checkout import sdists
from contributions.checkout.runner import git
from contributions.checkout.sdists import find_archive, read_source_release, write_repository
from contributions.errors import Invalid, TooLarge

WHEN = 1_700_000_000


def make_archive(folder: Path, version: str, members: list[tarfile.TarInfo | tuple[str, bytes]]) -> Path:
    path = folder / f"some_package-{version}.tar.gz"
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for member in members:
            info, content = (member, b"") if isinstance(member, tarfile.TarInfo) else _plain(*member)
            archive.addfile(info, io.BytesIO(content))
    return path


def _plain(name: str, content: bytes) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(f"some_package-1/{name}")
    info.size, info.mtime = len(content), WHEN
    return info, content


def _special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mtime = kind, target, WHEN
    return info


def test_the_same_archives_make_the_same_ids(tmp_path: Path) -> None:
    releases = [read_source_release(_archive_of(tmp_path, version), version) for version in ("1.2.1", "1.1.0", "1.2.0")]
    first = write_repository("some-package", releases, tmp_path / "first.git")
    second = write_repository("some-package", releases[::-1], tmp_path / "second.git")
    assert first == second
    listed = git(tmp_path / "first.git", "for-each-ref", "--format=%(refname) %(objecttype)").decode().split("\n")
    assert listed[:-1] == [
        "refs/heads/main commit",
        "refs/heads/stable/1.2 commit",
        "refs/tags/1.1.0 tag",
        "refs/tags/1.2.0 tag",
        "refs/tags/1.2.1 tag",
    ]


def _archive_of(folder: Path, version: str) -> Path:
    # gzip writes the time of its making; without it these bytes, and so all ids, are the same for ever.
    path = folder / f"some_package-{version}.tar.gz"
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        for name, content in (("setup.py", b"setup()\n"), ("pkg/version.txt", version.encode())):
            info, data = _plain(name, content)
            archive.addfile(info, io.BytesIO(data))
    path.write_bytes(gzip.compress(plain.getvalue(), mtime=0))
    return path


def test_each_release_holds_exactly_its_files(tmp_path: Path) -> None:
    archive = make_archive(
        tmp_path,
        "1.0",
        [
            ("PKG-INFO", b"generated"),
            ("AUTHORS", b"generated"),
            ("some.egg-info/SOURCES.txt", b"generated"),
            ("setup.cfg", b"[metadata]\nname = x\n\tindented  \n\n[egg_info]\ntag_build = \ntag_date = 0\n\n"),
            ("a file", b"text"),
            ("pkg/caf\u00e9.py", b"x = 1\n"),
        ],
    )
    repo = tmp_path / "made.git"
    commits = write_repository("some-package", [read_source_release(archive, "1.0")], repo)
    names = git(repo, "ls-tree", "-r", "-z", "--name-only", commits["1.0"]).decode().split("\0")[:-1]
    assert names == ["a file", "pkg/caf\u00e9.py", "setup.cfg"]
    assert git(repo, "show", "1.0:setup.cfg") == b"[metadata]\nname = x\n    indented\n"


HOSTILE = {
    "outside": _plain("../../etc/cron.d/x", b"x")[0],
    "absolute": _special("/etc/passwd", tarfile.REGTYPE),
    "git directory": _special("p-1/pkg/.GIT/hooks/post-checkout", tarfile.REGTYPE),
    "device": _special("p-1/zero", tarfile.CHRTYPE),
    "pipe": _special("p-1/pipe", tarfile.FIFOTYPE),
    "absolute link": _special("p-1/link", tarfile.SYMTYPE, "/etc/passwd"),
    "link out of the tree": _special("p-1/a/link", tarfile.SYMTYPE, "../b/../../x"),
    "hard link to nothing": _special("p-1/hard", tarfile.LNKTYPE, "p-1/not there"),
}


@pytest.mark.parametrize("member", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_member_that_is_no_honest_file_is_refused(tmp_path: Path, member: tarfile.TarInfo) -> None:
    member.size = 0
    archive = make_archive(tmp_path, "1.0", [("honest", b"text"), member])
    with pytest.raises(Invalid):
        read_source_release(archive, "1.0")


def test_a_file_that_comes_twice_is_refused(tmp_path: Path) -> None:
    archive = make_archive(tmp_path, "1.0", [("same", b"one"), ("same", b"two")])
    with pytest.raises(Invalid, match="twice"):
        read_source_release(archive, "1.0")


def test_links_inside_the_tree_are_kept_as_links(tmp_path: Path) -> None:
    link = _special("some_package-1/docs/link", tarfile.SYMTYPE, "../honest")
    release = read_source_release(make_archive(tmp_path, "1.0", [("honest", b"text"), link]), "1.0")
    assert release.files["docs/link"] == sdists.File("120000", b"../honest")


def test_an_archive_that_unpacks_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    zeros = bytes(sdists.MAX_FILE)
    archive = make_archive(tmp_path, "1.0", [(f"zeros{n}", zeros) for n in range(9)])
    assert archive.stat().st_size < 4 * sdists.MIB
    with pytest.raises(TooLarge, match="256 MiB"):
        read_source_release(archive, "1.0")


def test_a_header_that_claims_gigabytes_is_refused(tmp_path: Path) -> None:
    header = _special("p-1/@PaxHeader", tarfile.XHDTYPE)
    header.size = 8 << 30
    path = tmp_path / "some_package-1.0.tar.bz2"
    path.write_bytes(bz2.compress(header.tobuf() + bytes(2 << 20)))
    with pytest.raises((Invalid, TooLarge)):
        read_source_release(path, "1.0")


@pytest.mark.parametrize("content", [b"", b"not a gzip", b"\x1f\x8b\x08broken"])
def test_what_is_no_archive_is_refused_with_its_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "some_package-1.0.tar.gz"
    path.write_bytes(content)
    with pytest.raises(Invalid, match=r"some_package-1\.0\.tar\.gz"):
        read_source_release(path, "1.0")


def test_an_archive_is_found_however_its_name_spells_the_package(tmp_path: Path) -> None:
    archive = make_archive(tmp_path, "1.0", [("honest", b"text")])
    assert find_archive(tmp_path, "some-package", "1.0") == archive
    assert find_archive(tmp_path, "package", "1.0") is None
    assert find_archive(tmp_path, "some.package", "1.1") is None
