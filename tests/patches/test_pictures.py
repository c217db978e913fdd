from __future__ import annotations

import struct

import pytest

from contributions.patches.pictures import picture_in

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">II", 640, 480) + b"\x08\x02\0\0\0"
GIF = b"GIF89a" + struct.pack("<HH", 640, 480) + b"\0\0\0"
EXIF = b"\xff\xe1" + struct.pack(">H", 10) + b"Exif\0\0\0\0"
JPEG = b"\xff\xd8" + EXIF + b"\xff\xff\xc2\x00\x11\x08" + struct.pack(">HH", 480, 640) + b"\x03"
VP8 = b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 640, 480)
VP8L = b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f" + struct.pack("<I", 639 | 479 << 14)
VP8X = b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0" + (639).to_bytes(3, "little") + (479).to_bytes(3, "little")


@pytest.mark.parametrize("content", [PNG, GIF, JPEG, VP8, VP8L, VP8X])
def test_pictures_tell_their_width_and_height(content: bytes) -> None:
    found = picture_in(content + b"pixels")
    assert found is not None
    assert found[1:] == (640, 480)
    assert found.kind.startswith("image/")
    assert picture_in(content[:9]) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<html>\x89PNG\r\n\x1a\n",
        b"BM" + b"\0" * 60,
        PNG[:16] + struct.pack(">II", 0, 5),
        PNG[:16] + struct.pack(">II", 20_000, 5),
        PNG[:16] + struct.pack(">II", 9_000, 9_000),
        b"\xff\xd8" + EXIF * 3,
        b"\xff\xd8\xff\xe1\x00\x00" * 50,
    ],
)
def test_whatever_else_it_calls_itself_is_none(content: bytes) -> None:
    assert picture_in(content) is None
