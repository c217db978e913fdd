"""What is refused in an archive, each beside an honest one that differs in nothing else and is taken."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import random
import shutil
import subprocess
import tarfile
import tracemalloc
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings, strategies

from contributions.inspection import findings, sniffing
from contributions.inspection.findings import Refused
from contributions.inspection.looking import look
from tests.inspection.archives import (
    HONEST,
    deb,
    entry,
    header,
    info_of,
    link,
    raw_zip,
    tarred,
    wheel,
    zipped,
    zipped_entry,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MEGABYTE = 1 << 20
MOST = 1 << 30


@pytest.fixture
def looked(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    def at(content: bytes, name: str = "file") -> dict[str, Any]:
        path = tmp_path / "upload"
        path.write_bytes(content)
        return look(str(path), name, MOST)

    return at


LONG_NAMED = info_of("n" * 300, size=1)
HONEST_ONES = {
    "a zip archive": ("a.zip", zipped(), "application/zip"),
    "a zip archive with a comment": ("a.zip", zipped()[:-2] + b"\2\0hi", "application/zip"),
    "an empty zip archive": ("a.zip", zipped({}), "application/zip"),
    "a zip archive of sizes that follow": ("a.zip", raw_zip((b"a", b"abc", {})), "application/zip"),
    "a wheel": ("tool-1.0-py3-none-any.whl", wheel(), "application/x-wheel+zip"),
    "a tar archive": ("a.tar", tarred(), "application/x-tar"),
    "a tar archive of posix": ("a.tar", tarred((LONG_NAMED, b"x"), kind=tarfile.PAX_FORMAT), "application/x-tar"),
    "a tar archive with a long name": ("a.tar", tarred((LONG_NAMED, b"x")), "application/x-tar"),
    "a tar archive with links": (
        "a.tar", tarred(link("pkg/l", "../README"), link("m", "pkg/tool.py", hard=True)), "application/x-tar",
    ),
    "a source archive": ("a-1.0.tar.gz", gzip.compress(tarred()), "application/x-compressed-tar"),
    "xz": ("a.tar.xz", lzma.compress(tarred()), "application/x-compressed-tar"),
    "bzip2": ("a.tar.bz2", bz2.compress(tarred()), "application/x-compressed-tar"),
    "gzip of one file": ("a.gz", gzip.compress(b"hello" * 100), "application/gzip"),
    "two gzips in a row": ("a.gz", gzip.compress(b"hello") + gzip.compress(b"you"), "application/gzip"),
    "gzip padded with zeros": ("a.gz", gzip.compress(b"hello") + bytes(5000), "application/gzip"),
    "a Debian package": ("a_1.0_amd64.deb", deb(), "application/vnd.debian.binary-package"),
    "an archive in an archive": ("a.zip", zipped({"inner.tar.gz": gzip.compress(tarred())}), "application/zip"),
}  # fmt: skip


@pytest.mark.parametrize("case", HONEST_ONES)
def test_an_honest_archive_is_taken_and_listed(looked: Callable[..., dict[str, Any]], case: str) -> None:
    name, content, kind = HONEST_ONES[case]
    found = looked(content, name)
    assert found["media_type"] == kind
    assert found["members"] == len(found["listed"])


def test_what_is_inside_is_told_with_its_sizes(looked: Callable[..., dict[str, Any]]) -> None:
    wanted = sorted((name, len(content)) for name, content in HONEST.items())
    for content in (zipped(), tarred(), gzip.compress(tarred())):
        found = looked(content)
        assert sorted(found["listed"]) == wanted
        assert (found["members"], found["bytes"]) == (3, sum(size for _, size in wanted))


def nested(levels: int) -> bytes:
    inner = zipped()
    for _ in range(levels):
        inner = zipped({"inner.zip": inner})
    return inner


def sparse() -> bytes:
    return tarred(info_of("s", type=b"S"))


def two_layers_of_air() -> bytes:
    layer = zipped({f"{number}": bytes(8 * MEGABYTE) for number in range(16)})
    return zipped({f"{number}.zip": layer for number in range(16)})


def with_sizes_that_lie() -> bytes:
    """The directory says one byte; the deflated stream holds far more."""
    honest = bytearray(zipped({"a": bytes(1000)}))
    at = honest.rindex(b"PK\1\2")
    honest[at + 24 : at + 28] = (1).to_bytes(4, "little")
    honest[22:26] = (1).to_bytes(4, "little")
    return bytes(honest)


def encrypted() -> bytes:
    return raw_zip((b"a", b"abc", {"flags": 1, "both": 1}))


def many_members() -> bytes:
    return tarred(*(info_of(f"f{number}") for number in range(findings.MOST_MEMBERS)))


ZIPS: dict[str, tuple[Callable[[], bytes], str]] = {
    "a bomb of 200 MiB": (lambda: zipped({"air": bytes(200 * MEGABYTE)}), "unpacks to more than"),
    "a bomb in layers": (two_layers_of_air, "unpacks to more than"),
    "archives without end": (lambda: nested(8), "archives in archives"),
    "a way up": (lambda: zipped({"../../air": b"x"}), "outside of its own directory"),
    "a way up in the middle": (lambda: zipped({"a/../../air": b"x"}), "outside of its own directory"),
    "a root": (lambda: zipped({"/etc/cron.d/x": b"x"}), "place of its own choice"),
    "a drive": (lambda: zipped({"C:evil": b"x"}), "place of its own choice"),
    "a backslash": (lambda: zipped({"..\\..\\evil": b"x"}), "backslash"),
    "a newline": (lambda: zipped({"a\nb": b"x"}), "control characters"),
    "a name twice": (lambda: raw_zip((b"a", b"one", {}), (b"a", b"two", {})), "two members of the name a"),
    "a file that is a directory": (lambda: zipped({"a": b"x", "a/b": b"y"}), "a file in it and a directory"),
    "another name in its header": (lambda: raw_zip((b"a", b"one", {"name": b"b"})), "says two things of a"),  # type: ignore[dict-item]
    "another size in its header": (lambda: raw_zip((b"a", b"one", {"size": 2})), "says two things of a"),
    "another checksum in its header": (lambda: raw_zip((b"a", b"one", {"crc": 1})), "says two things of a"),
    "bytes behind its end": (lambda: raw_zip((b"a", b"one", {}), tail=b"more"), "behind its end"),
    "an archive behind its end": (lambda: zipped() + zipped(), "between its members and its end"),
    "hidden bytes": (lambda: raw_zip((b"a", b"one", {}), between=b"hidden"), "hidden or shared bytes"),
    "two members of the same bytes": (
        lambda: raw_zip((b"a", b"one", {}), (b"b", b"one", {"offset": 0})), "hidden or shared bytes|says two things",
    ),
    "sizes that lie": (with_sizes_that_lie, "not what the zip archive says"),
    "an encrypted member": (encrypted, "encrypted"),
    "a link out": (lambda: zipped_entry("l", b"../../etc/passwd", mode=0o120777), "leads out of the archive"),
    "a device": (lambda: zipped_entry("d", b"", mode=0o020666), "a device"),
    "a setuid program": (lambda: zipped_entry("s", b"x", mode=0o104755), "rights of its owner"),
    "no directory": (lambda: zipped()[:-30], "cut off|cannot be read|behind its end"),
}  # fmt: skip
TARS: dict[str, tuple[Callable[[], bytes], str]] = {
    "a way up": (lambda: tarred(entry("../evil")), "outside of its own directory"),
    "a root": (lambda: tarred(entry("/etc/cron.d/x")), "place of its own choice"),
    "a link out": (lambda: tarred(link("l", "../../etc/passwd")), "leads out of the archive"),
    "a link to a root": (lambda: tarred(link("l", "/etc/passwd")), "leads out of the archive"),
    "a way out by two links": (
        lambda: tarred(link("a/b/x", "../.."), link("y", "a/b/x/..")), "leads out of the archive",
    ),
    "a file through a link": (lambda: tarred(link("d", "pkg"), entry("d/tool.py")), "through a link of its own"),
    "a hard link to nothing": (lambda: tarred(link("l", "/etc/shadow", hard=True)), "place of its own choice"),
    "a hard link to what is not there": (lambda: tarred(link("l", "none", hard=True)), "no file that comes before"),
    "a name twice": (lambda: tarred(entry("README", b"other")), "two members of the name README"),
    "a device": (lambda: tarred(info_of("null", type=tarfile.CHRTYPE)), "is a device"),
    "a pipe": (lambda: tarred(info_of("pipe", type=tarfile.FIFOTYPE)), "is a named pipe"),
    "a sparse file": (sparse, "is a sparse file"),
    "a setuid program": (lambda: tarred(entry("su", mode=0o4755)), "rights of its owner"),
    "two sizes": (lambda: header("f", 1, pax_size=1024) + bytes(512), "has two sizes"),
    "a size of 8 GiB": (lambda: header("f", 8 << 30), "unpacks to more than"),
    "a note of 8 GiB": (lambda: header("f", 8 << 30, b"x"), "a name or note of"),
    "a size below zero": (lambda: negative(), "smaller than nothing"),  # noqa: PLW0108 - it is made below
    "too many members": (many_members, "more than 50,000 members"),
    "bytes behind its end": (lambda: tarred() + b"more", "behind its end"),
    "no end": (lambda: tarred()[:700], "cut off"),
    "a broken checksum": (lambda: tarred().replace(b"README", b"readme", 1), "checksum is wrong"),
}  # fmt: skip


def negative() -> bytes:
    block = bytearray(info_of("f", size=1).tobuf())
    block[124:136] = b"\xff" * 12
    block[148:156] = b"%06o\0 " % (sum(block[:148]) + sum(block[156:]) + 256)
    return bytes(block)


PACKED: dict[str, tuple[Callable[[], bytes], str]] = {
    "a gzip bomb": (lambda: gzip.compress(bytes(200 * MEGABYTE)), "unpacks to more than"),
    "an xz bomb": (lambda: lzma.compress(bytes(200 * MEGABYTE), preset=0), "unpacks to more than"),
    "a bzip2 bomb": (lambda: bz2.compress(bytes(100 * MEGABYTE)), "unpacks to more than"),
    "bytes behind the end": (lambda: gzip.compress(b"x") + b"hidden" * 300, "behind its end"),
    "no end": (lambda: gzip.compress(random.Random(1).randbytes(5000))[:4000], "cut off"),  # noqa: S311
    "a broken middle": (lambda: gzip.compress(b"hello" * 100)[:-8] + bytes(8), "broken"),
    "a dictionary of a gigabyte": (
        lambda: lzma.compress(b"x", filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 30}]), "broken|Memory",
    ),
}  # fmt: skip


@pytest.mark.attack("D01")
@pytest.mark.parametrize("case", ZIPS)
def test_a_hostile_zip_archive_is_refused(looked: Callable[..., dict[str, Any]], case: str) -> None:
    made, reason = ZIPS[case]
    with pytest.raises(Refused, match=reason):
        looked(made(), "a.zip")


@pytest.mark.attack("D01")
@pytest.mark.parametrize("case", TARS)
def test_a_hostile_tar_archive_is_refused_packed_or_not(looked: Callable[..., dict[str, Any]], case: str) -> None:
    made, reason = TARS[case]
    for content in (made(), gzip.compress(made())):
        with pytest.raises(Refused, match=reason):
            looked(content)


@pytest.mark.attack("D01")
@pytest.mark.parametrize("case", PACKED)
def test_a_hostile_packed_file_is_refused(looked: Callable[..., dict[str, Any]], case: str) -> None:
    made, reason = PACKED[case]
    with pytest.raises(Refused, match=reason):
        looked(made())


def unpack_trusting(content: bytes, place: Path) -> None:
    """As the library did before it had filters, which came with Python 3.11.4."""
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        archive.extraction_filter = lambda member, _: member
        archive.extractall(place)  # noqa: S202 - the point of it


def test_the_same_archives_do_harm_when_they_are_unpacked(tmp_path: Path) -> None:
    """The control: the members that are refused above are not harmless by themselves."""
    inner = tmp_path / "inner"
    inner.mkdir()
    unpack_trusting(TARS["a way up"][0](), inner)
    assert (tmp_path / "evil").read_bytes() == b"x"
    unpack_trusting(tarred(link("d", "../.."), entry("d/through")), inner / "deeper")
    assert (tmp_path / "through").exists()
    assert len(gzip.decompress(PACKED["a gzip bomb"][0]())) == 200 * MEGABYTE


def test_a_bomb_never_unfolds_in_memory(looked: Callable[..., dict[str, Any]]) -> None:
    bombs = [zipped({"air": bytes(200 * MEGABYTE)}), gzip.compress(bytes(200 * MEGABYTE)), TARS["a note of 8 GiB"][0]()]
    tracemalloc.start()
    try:
        for bomb in bombs:
            with pytest.raises(Refused):
                looked(bomb)
        assert tracemalloc.get_traced_memory()[1] < 24 * MEGABYTE
    finally:
        tracemalloc.stop()


def test_in_a_package_links_may_begin_at_the_root_and_nothing_else_may(looked: Callable[..., dict[str, Any]]) -> None:
    for packing in ("xz", "gz", "bz2"):
        assert looked(deb(packing=packing))["members"] == 3
    for case in ("a way up", "a root", "a device", "a setuid program", "a file through a link"):
        with pytest.raises(Refused, match=TARS[case][1]):
            looked(deb(TARS[case][0]()))


def test_zstd_is_looked_into_as_well(looked: Callable[..., dict[str, Any]]) -> None:
    if (program := shutil.which("zstd")) is None:
        pytest.skip("The program zstd is not installed.")

    def packed(content: bytes) -> bytes:
        return subprocess.run([program, "-q"], input=content, capture_output=True, check=True).stdout

    assert looked(packed(tarred()), "a.tar.zst")["members"] == 3
    with pytest.raises(Refused, match="unpacks to more than"):
        looked(packed(bytes(200 * MEGABYTE)))
    with pytest.raises(Refused, match="outside of its own directory"):
        looked(packed(tarred(entry("../evil"))))
    with pytest.raises(Refused, match="cut off"):
        looked(packed(tarred())[:-10])


WHEELS = {
    "of another name": (wheel("other"), "no wheel of that name"),
    "of another version": (wheel(version="2.0"), "no wheel of that name"),
    "without a record": (
        zipped({"tool-1.0.dist-info/METADATA": b"x", "tool-1.0.dist-info/WHEEL": b"x"}), "RECORD is missing",
    ),
    "of two projects": (zipped({"tool-1.0.dist-info/A": b"", "b-1.0.dist-info/A": b""}), "no wheel of that name"),
    "that is no archive": (b"\x7fELF" + bytes(60), "Its name ends in .whl, but it is an ELF"),
    "that is a page": (b"<!DOCTYPE html><script>1</script>", "but it is an HTML page|but it is a HTML page"),
}  # fmt: skip


@pytest.mark.parametrize("case", WHEELS)
def test_a_wheel_that_is_none_is_refused(looked: Callable[..., dict[str, Any]], case: str) -> None:
    content, reason = WHEELS[case]
    with pytest.raises(Refused, match=reason):
        looked(content, "tool-1.0-py3-none-any.whl")


SNIFFED = {
    b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00": "application/x-executable",
    b"\x7fELF\x01\x02\x01" + bytes(9) + b"\x00\x03": "application/x-sharedlib",
    b"MZ\x90\0": "application/vnd.microsoft.portable-executable",
    b"#!/bin/sh\necho\n": "text/x-script",
    b"\xed\xab\xee\xdb\x03\x00": "application/x-rpm",
    b" \n<svg xmlns='x'>": "image/svg+xml",
    b'<?xml version="1.0"?><svg>': "image/svg+xml",
    b"<HTML><body>": "text/html",
    b"just words\n": "text/plain",
    "W\u00f6rter\n".encode(): "text/plain",
    bytes(range(256)): "application/octet-stream",
    b"": "application/octet-stream",
}


@pytest.mark.parametrize(("head", "kind"), SNIFFED.items())
def test_a_type_is_told_by_the_bytes(head: bytes, kind: str) -> None:
    assert sniffing.media_type(head) == kind


@given(
    strategies.sampled_from([zipped(), tarred(), gzip.compress(tarred()), deb(), lzma.compress(tarred())]),
    strategies.lists(strategies.tuples(strategies.floats(0, 1), strategies.integers(0, 255)), min_size=1, max_size=8),
)
@settings(max_examples=300, deadline=None)
def test_whatever_bytes_are_changed_it_is_taken_or_refused(tmp_path_factory: Any, content: bytes, changes: Any) -> None:
    bruised = bytearray(content)
    for place, byte in changes:
        bruised[int(place * (len(bruised) - 1))] = byte
    path = tmp_path_factory.getbasetemp() / "bruised"
    path.write_bytes(bruised)
    with contextlib.suppress(Refused):
        assert look(str(path), "file", MOST)["media_type"]


def test_the_library_of_this_machine_reads_what_is_taken(looked: Callable[..., dict[str, Any]]) -> None:
    """What the look tells is what programs find: zipfile and tarfile list the same files."""
    names = [name for name, _ in looked(zipped())["listed"]]
    assert names == zipfile.ZipFile(io.BytesIO(zipped())).namelist()
