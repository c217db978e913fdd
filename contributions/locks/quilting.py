"""A quilt series as an archive whose bytes depend on nothing but what is in it."""

from __future__ import annotations

import gzip
import io
import re
import tarfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST = 60  # characters of a patch's name that come from its subject


def patch_name(place: int, contribution: int, revision: int, subject: str) -> str:
    """Such as 0003-7-v2-wait-longer.patch: in order, traceable, and fine on every file system."""
    words = re.sub(r"[^a-z0-9]+", "-", subject.lower()).strip("-")[:LONGEST].strip("-") or "patch"
    return f"{place:04}-{contribution}-v{revision}-{words}.patch"


def quilt(patches: Sequence[tuple[str, bytes]], readme: str) -> bytes:
    """patches/series, the patches and a README, as .tar.gz."""
    series = "".join(f"{name} -p1\n" for name, _ in patches)
    files = [("README", readme.encode()), ("series", series.encode()), *patches]
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in files:
            archive.addfile(_member(name, len(content)), io.BytesIO(content))
    return _gzipped(packed.getvalue())


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(f"patches/{name}")
    member.size, member.mtime, member.mode = size, 0, 0o644
    return member


def _gzipped(content: bytes) -> bytes:
    return gzip.compress(content, compresslevel=9, mtime=0)
