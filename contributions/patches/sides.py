"""Each touched file before and after a change, in one ZIP: for readers who want to see more than the diff."""

from __future__ import annotations

import struct
import zlib
from io import SEEK_CUR, SEEK_END, BytesIO
from typing import IO, TYPE_CHECKING, Literal
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

if TYPE_CHECKING:
    from collections.abc import Iterable

Which = Literal["old", "new"]
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the first day of a ZIP's calendar: the same files make the same bytes
LEVEL = 6
# Of PKWARE's APPNOTE 4.3: what is read of a file's own heading, of its entry in the directory, and of the end.
LOCAL, ENTRY, END = "<26sHH", "<4s16xIIH12xI", "<12xII2x"
ENTRY_SIGNATURE = b"PK\x01\x02"


def pack(pairs: Iterable[tuple[bytes | None, bytes | None]]) -> bytes:
    """Return the ZIP of the files before and after, in the order of the diff; None is left out."""
    packed = BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED, compresslevel=LEVEL) as archive:
        for index, (old, new) in enumerate(pairs):
            for which, content in (("old", old), ("new", new)):
                if content is not None:
                    archive.writestr(_entry(f"{index}/{which}"), content)
    return packed.getvalue()


def _entry(name: str) -> ZipInfo:
    """An entry is named by number: what a path says never names a file of ours."""
    entry = ZipInfo(name, LONG_AGO)
    entry.compress_type = ZIP_DEFLATED
    entry.create_system = 3
    entry.external_attr = 0o644 << 16
    return entry


def read(stream: IO[bytes], index: int, which: Which) -> bytes | None:
    """The file of that number before or after the change; None when it was not kept."""
    entry = _found(stream, f"{index}/{which}".encode())
    if entry is None:
        return None
    packed_size, size, offset = entry
    stream.seek(offset)
    _, name_size, extra_size = struct.unpack(LOCAL, stream.read(struct.calcsize(LOCAL)))
    stream.seek(name_size + extra_size, SEEK_CUR)
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(stream.read(packed_size), size) if size else b""


def _found(stream: IO[bytes], name: bytes) -> tuple[int, int, int] | None:
    """An entry's packed size, its size and its place, out of the directory at the end.

    Python's reader makes an object of each entry first, which takes 0.1 s for 5,000 files; ours have no comments.
    """
    if stream.seek(0, SEEK_END) < struct.calcsize(END):
        return None
    stream.seek(-struct.calcsize(END), SEEK_END)
    size, offset = struct.unpack(END, stream.read())
    stream.seek(offset)
    directory = stream.read(size)
    place = -1
    while (place := directory.find(name, place + 1)) >= 0:
        head = directory[max(0, place - struct.calcsize(ENTRY)) : place]
        if head[:4] == ENTRY_SIGNATURE and len(head) == struct.calcsize(ENTRY):
            _, packed_size, full_size, name_size, at = struct.unpack(ENTRY, head)
            if name_size == len(name):
                return packed_size, full_size, at
    return None
