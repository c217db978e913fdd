"""Archives, honest and hostile, made byte by byte where no honest library would make them."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from typing import Any

HONEST = {"pkg/__init__.py": b"", "pkg/tool.py": b"print('hello')\n" * 100, "README": b"Read me.\n"}


def zipped(members: dict[str, bytes] | None = None, **given: Any) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, **given) as archive:
        for name, content in (HONEST if members is None else members).items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def zipped_entry(name: str = "odd", content: bytes = b"x", *, mode: int = 0o100644) -> bytes:
    """An honest member, and one whose mode is as given."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("honest", b"honest")
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        archive.writestr(info, content)
    return packed.getvalue()


def wheel(name: str = "tool", version: str = "1.0", **more: bytes) -> bytes:
    place = f"{name}-{version}.dist-info"
    parts = {"METADATA": b"Name: tool\n", "WHEEL": b"Wheel-Version: 1.0\n", "RECORD": b""} | more
    return zipped(
        {
            f"{name}/__init__.py": b"",
            **{f"{place}/{part}": text for part, text in parts.items() if text or part == "RECORD"},
        }
    )


def tarred(*members: tarfile.TarInfo | tuple[tarfile.TarInfo, bytes], kind: int = tarfile.GNU_FORMAT) -> bytes:
    """Honest members, then those given."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=kind) as archive:
        for name, content in HONEST.items():
            archive.addfile(info_of(name, size=len(content)), io.BytesIO(content))
        for member in members:
            info, content = member if isinstance(member, tuple) else (member, b"")
            archive.addfile(info, io.BytesIO(content))
    return packed.getvalue()


def entry(name: str, content: bytes = b"x", **columns: Any) -> tuple[tarfile.TarInfo, bytes]:
    return info_of(name, size=len(content), **columns), content


def info_of(name: str, **columns: Any) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    for column, value in columns.items():
        setattr(info, column, value)
    return info


def link(name: str, target: str, *, hard: bool = False) -> tarfile.TarInfo:
    return info_of(name, type=tarfile.LNKTYPE if hard else tarfile.SYMTYPE, linkname=target)


def header(name: str, size: int, kind: bytes = b"0", *, pax_size: int | None = None) -> bytes:
    """Raw tar blocks of one member without its content, with a pax note of another size when one is given."""
    block = info_of(name, size=size, type=kind).tobuf(tarfile.USTAR_FORMAT if size < 8**11 else tarfile.GNU_FORMAT)
    if pax_size is None:
        return block
    record = f"size={pax_size}\n"
    length = len(record) + 3
    record = f"{length} {record}" if len(f"{length} {record}") == length else f"{length + 1} {record}"
    note = info_of("note", size=len(record), type=tarfile.XHDTYPE).tobuf(tarfile.USTAR_FORMAT)
    return note + record.encode().ljust(512, b"\0") + block


def deb(data: bytes | None = None, packing: str = "xz") -> bytes:
    pack = {"xz": lzma.compress, "gz": gzip.compress, "bz2": bz2.compress}[packing]
    members = {
        "debian-binary": b"2.0\n",
        "control.tar.gz": gzip.compress(tarred()),
        f"data.tar.{packing}": pack(data if data is not None else tarred(link("usr/bin/tool", "/opt/tool"))),
    }
    return b"!<arch>\n" + b"".join(_ar_member(name, content) for name, content in members.items())


def _ar_member(name: str, content: bytes) -> bytes:
    head = f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode()
    return head + content + b"\n" * (len(content) % 2)


def raw_zip(*members: tuple[bytes, bytes, dict[str, int]], tail: bytes = b"", between: bytes = b"") -> bytes:
    """A zip archive of stored members; each one's dict overrides what its own header says."""
    import struct  # noqa: PLC0415 - only here

    body, directory = b"", b""
    for name, content, lies in members:
        offset = len(body)
        told = {"flags": 0, "method": 0, "crc": zlib.crc32(content), "size": len(content), "full": len(content)} | lies
        own_name = lies.get("name", name)
        crc = zlib.crc32(content)
        body += struct.pack(
            "<4s5H3I2H", b"PK\3\4", 20, told["flags"], told["method"], 0, 33, told["crc"], told["size"], told["full"],
            len(own_name), 0,
        ) + own_name + content  # fmt: skip
        directory += struct.pack(
            "<4s6H3I5H2I", b"PK\1\2", 20, 20, told.get("both", 0), 0, 0, 33, crc, len(content), len(content), len(name),
            0, 0, 0, 0, 0, told.get("offset", offset),
        ) + name  # fmt: skip
    body += between
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, len(members), len(members), len(directory), len(body), 0)
    return body + directory + end + tail
