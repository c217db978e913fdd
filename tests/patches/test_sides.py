from __future__ import annotations

from io import BytesIO
from zipfile import ZipFile

from contributions.patches import sides

PAIRS = [(b"one\n", b"two\n"), (None, b"new\n"), (b"old\n", None), (None, None), (b"", b"\x00\xff")]


def test_what_was_packed_is_read_again_and_what_was_not_is_none() -> None:
    packed = BytesIO(sides.pack(PAIRS))
    read = [(sides.read(packed, index, "old"), sides.read(packed, index, "new")) for index in range(len(PAIRS))]
    assert read == PAIRS
    assert sides.read(packed, 99, "new") is None


def test_the_same_files_make_the_same_bytes_and_no_name_comes_from_outside() -> None:
    assert sides.pack(PAIRS) == sides.pack(iter(PAIRS))
    names = ZipFile(BytesIO(sides.pack(PAIRS))).namelist()
    assert names == ["0/old", "0/new", "1/new", "2/old", "4/old", "4/new"]


def test_what_is_no_zip_is_nothing() -> None:
    assert sides.read(BytesIO(b"no zip at all"), 0, "new") is None
    assert sides.read(BytesIO(b""), 0, "new") is None
    assert sides.read(BytesIO(b"\xff" * 500), 0, "new") is None
