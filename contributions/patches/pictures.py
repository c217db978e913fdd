"""Pictures that a browser may show, told by their bytes and never by their names, with their width and height."""

from __future__ import annotations

import struct
from typing import NamedTuple

LARGEST_SIDE = 10_000  # pixels; what claims more would fill a reader's memory
MOST_PIXELS = 40_000_000
FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})  # JPEG's markers of a frame, which tells its size
PNG, GIF = b"\x89PNG\r\n\x1a\n", (b"GIF87a", b"GIF89a")


class Picture(NamedTuple):
    kind: str  # a media type
    width: int
    height: int


def picture_in(content: bytes) -> Picture | None:
    """What picture the bytes begin; None for anything but PNG, JPEG, GIF and WebP of a size that can be shown."""
    try:
        found = _found(content)
    except (struct.error, IndexError):
        return None
    if found is None or not (0 < found.width <= LARGEST_SIDE and 0 < found.height <= LARGEST_SIDE):
        return None
    return found if found.width * found.height <= MOST_PIXELS else None


def _found(content: bytes) -> Picture | None:
    if content.startswith(PNG) and content[12:16] == b"IHDR":
        return Picture("image/png", *struct.unpack(">II", content[16:24]))
    if content.startswith(GIF):
        return Picture("image/gif", *struct.unpack("<HH", content[6:10]))
    if content.startswith(b"\xff\xd8\xff"):
        return _jpeg(content)
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return _webp(content)
    return None


def _jpeg(content: bytes) -> Picture | None:
    """Walk the segments to the first frame (ITU T.81, B.1)."""
    at = 2
    while content[at] == 0xFF:  # noqa: PLR2004 - each marker begins so
        marker = content[at + 1]
        if marker in FRAMES:
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return Picture("image/jpeg", width, height)
        if marker == 0xFF:  # noqa: PLR2004 - a byte that fills up
            at += 1
            continue
        at += 2 + max(2, struct.unpack(">H", content[at + 2 : at + 4])[0])
    return None


def _webp(content: bytes) -> Picture | None:
    """Of the three forms that RFC 9649 knows."""
    form = content[12:16]
    if form == b"VP8X":
        width, height = (int.from_bytes(content[at : at + 3], "little") + 1 for at in (24, 27))
        return Picture("image/webp", width, height)
    if form == b"VP8L":
        bits = int.from_bytes(content[21:25], "little")
        return Picture("image/webp", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if form == b"VP8 " and content[23:26] == b"\x9d\x01\x2a":
        width, height = (size & 0x3FFF for size in struct.unpack("<HH", content[26:30]))
        return Picture("image/webp", width, height)
    return None
