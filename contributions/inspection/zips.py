"""Zip archives: the directory at the end and the headers before each member must tell the same story."""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib

from .findings import MOST_MEMBERS, Refused, shown
from .packings import PIECE

TYPE_CHECKING = False  # typing doubles the start of a program this small
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from .findings import Budget, Taker

END, END_64, LOCATOR_64 = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
LOCAL = struct.Struct("<4s5H3I2H")
ENCRYPTED = 0x1 | 0x40 | 0x2000
SIZES_FOLLOW, UTF_8 = 0x8, 0x800
DESCRIPTORS = frozenset({12, 16, 20, 24})  # the bytes of one, with or without a mark, of 32 or 64 bits
IN_EXTRA = 0xFFFFFFFF
UNICODE_PATH = 0x7075
UNIX = 3
LONGEST_TARGET = 4096
METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA}


def look_at_zip(source: BinaryIO, size: int, taker: Taker) -> None:
    """Read every member."""
    directory = _directory(source, size)
    try:
        archive = zipfile.ZipFile(source)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error) as problem:
        raise Refused(f"The directory of the zip archive cannot be read: {problem}.") from None
    with archive:
        members = sorted(archive.infolist(), key=lambda member: member.header_offset)
        ends = [*(member.header_offset for member in members[1:]), directory][: len(members)]
        if (members and members[0].header_offset) or (not members and directory):
            raise Refused("It has data before its first member.")
        taker.budget.announce(sum(member.file_size for member in members))
        for member, end in zip(members, ends, strict=True):
            taker.budget.count_member()
            start = _require_same_story(source, member, end)
            _take_member(member, _pieces(archive, member, _Place(source, start), taker.budget), taker)


class _Place:
    """Where a member's packed bytes begin."""

    def __init__(self, source: BinaryIO, start: int) -> None:
        self.source, self.start = source, start

    def packed(self, count: int) -> Iterator[bytes]:
        self.source.seek(self.start)
        while count:
            piece = self.source.read(min(PIECE, count))
            if not piece:
                raise Refused("The zip archive is cut off.")
            count -= len(piece)
            yield piece


def _directory(source: BinaryIO, size: int) -> int:
    """Where the directory begins, after a look that nothing stands between it, its end record and the file's end."""
    source.seek(max(size - 22 - 0xFFFF - 76, 0))
    tail = source.read()
    at = tail.rfind(END)
    if at < 0 or at + 22 > len(tail):
        raise Refused("The zip archive is cut off: it has no directory.")
    disk, first, here, count, length, offset, comment = struct.unpack_from("<4H2IH", tail, at + 4)
    if at + 22 + comment != len(tail):
        raise Refused("It has data behind its end.")
    end = size - len(tail) + at
    if tail[at - 20 : at - 16] == LOCATOR_64 and at >= 76:  # noqa: PLR2004 - both records of zip64 together
        at, end = at - 76, end - 76
        if tail[at : at + 4] != END_64:
            raise Refused("The zip archive has two ends.")
        disk, first, here, count, length, offset = struct.unpack_from("<2I4Q", tail, at + 16)
    if disk or first or here != count or count > MOST_MEMBERS:
        raise Refused(f"The zip archive is in parts, or has more than {MOST_MEMBERS:,} members.")
    if offset + length != end:
        raise Refused("It has data between its members and its end.")
    return int(offset)


def _require_same_story(source: BinaryIO, member: zipfile.ZipInfo, end: int) -> int:
    """Compare the member's own header with the directory; return where its packed bytes begin."""
    name = shown(member.orig_filename)
    source.seek(member.header_offset)
    head = source.read(LOCAL.size)
    if len(head) < LOCAL.size or head[:4] != b"PK\x03\x04":
        raise Refused(f"The zip archive has no header where {name} should begin.")
    _, _, flags, method, _, _, crc, packed, full, name_length, extra_length = LOCAL.unpack(head)
    encoding = "utf-8" if member.flag_bits & UTF_8 else "cp437"
    own_name = source.read(name_length)
    same = own_name == member.orig_filename.encode(encoding) and (flags, method) == (
        member.flag_bits,
        member.compress_type,
    )
    if not flags & SIZES_FOLLOW:
        wanted = ((crc, member.CRC), (packed, member.compress_size), (full, member.file_size))
        same = same and all(told in (known, IN_EXTRA) for told, known in wanted)
    if not same:
        raise Refused(f"The zip archive says two things of {name}: its directory is at odds with the member's header.")
    for extra in (source.read(extra_length), member.extra):
        _require_one_name(extra, own_name, name)
    start: int = member.header_offset + LOCAL.size + name_length + extra_length
    gap = end - start - member.compress_size
    if gap and not (flags & SIZES_FOLLOW and gap in DESCRIPTORS):
        raise Refused(f"The zip archive has hidden or shared bytes about {name}.")
    return start


def _require_one_name(extra: bytes, own_name: bytes, name: str) -> None:
    while len(extra) >= 4:  # noqa: PLR2004 - the head of a field
        kind, length = struct.unpack_from("<2H", extra)
        if kind == UNICODE_PATH and extra[9 : 4 + length] != own_name:
            raise Refused(f"The zip archive has two names for {name}.")
        extra = extra[4 + length :]


def _take_member(member: zipfile.ZipInfo, pieces: Iterator[bytes], taker: Taker) -> None:
    name = member.orig_filename
    if member.flag_bits & ENCRYPTED:
        raise Refused(f"{shown(name)} is encrypted, so nobody can look into it.")
    if member.compress_type not in METHODS:
        raise Refused(f"{shown(name)} is packed in a way that few programs know (method {member.compress_type}).")
    mode = member.external_attr >> 16 if member.create_system == UNIX else 0
    if stat.S_ISLNK(mode):
        taker.tree.add_link(name, _target(pieces, name))
    elif name.endswith("/"):
        taker.tree.add_directory(name)
        if any(pieces):
            raise Refused(f"{shown(name)} is no file and yet has content.")
    else:
        _require_plain(name, mode)
        taker.tree.add_file(name)
        taker.inside(pieces)
        taker.listing.add(name, member.file_size)


def _require_plain(name: str, mode: int) -> None:
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise Refused(f"{shown(name)} is a device, a pipe or a socket.")
    if mode & (stat.S_ISUID | stat.S_ISGID):
        raise Refused(f"{shown(name)} would run with the rights of its owner (setuid or setgid).")


def _target(pieces: Iterator[bytes], name: str) -> str:
    target = b""
    for piece in pieces:
        target += piece
        if len(target) > LONGEST_TARGET:
            raise Refused(f"The link {shown(name)} has an odd target.")
    return target.decode("utf-8", "surrogateescape")


def _pieces(archive: zipfile.ZipFile, member: zipfile.ZipInfo, place: _Place, budget: Budget) -> Iterator[bytes]:
    """The member's bytes; they are as many as it said, and have the checksum that it said."""
    if member.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        own = _inflated(member, place) if member.compress_type else place.packed(member.compress_size)
    else:
        own = _read_by_zipfile(archive, member)
    size = crc = 0
    for piece in own:
        budget.take(len(piece))
        size, crc = size + len(piece), zlib.crc32(piece, crc)
        yield piece
    if (size, crc) != (member.file_size, member.CRC):
        raise Refused(f"{shown(member.orig_filename)} is not what the zip archive says it is: size or checksum differ.")


def _inflated(member: zipfile.ZipInfo, place: _Place) -> Iterator[bytes]:
    stream = zlib.decompressobj(wbits=-15)
    for packed in place.packed(member.compress_size):
        waiting = packed
        while waiting and not stream.eof:
            try:
                piece = stream.decompress(waiting, PIECE)
            except zlib.error as problem:
                raise Refused(f"{shown(member.orig_filename)} cannot be unpacked: {problem}.") from None
            waiting = stream.unconsumed_tail
            yield piece
        if stream.unused_data or (waiting and stream.eof):
            raise Refused(f"{shown(member.orig_filename)} has data behind its end.")
    yield stream.flush()
    if not stream.eof:
        raise Refused(f"{shown(member.orig_filename)} is cut off.")


def _read_by_zipfile(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    try:
        with archive.open(member) as content:
            while piece := content.read(PIECE):
                yield piece
    except (zipfile.BadZipFile, OSError, EOFError, ValueError) as problem:
        raise Refused(f"{shown(member.orig_filename)} cannot be unpacked: {problem}.") from None
