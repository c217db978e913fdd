"""Each touched file before and after a change, in one ZIP: for readers who want to see more than the diff."""

from __future__ import annotations

from io import BytesIO
from typing import IO, TYPE_CHECKING, Literal
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile, ZipInfo

if TYPE_CHECKING:
    from collections.abc import Iterable

Which = Literal["old", "new"]
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the first day of a ZIP's calendar: the same files make the same bytes
LEVEL = 6


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
    try:
        with ZipFile(stream) as archive:
            return archive.read(f"{index}/{which}")
    except (KeyError, BadZipFile):
        return None
