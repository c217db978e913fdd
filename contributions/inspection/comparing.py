"""The program that tells in the jail what differs between two directories of files, where diffoscope is not installed.

Files and the members of zip and tar archives are compared by size and SHA-256; it is short because diffoscope does it
better.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import sys
import tarfile
import zipfile

from .findings import shown

TYPE_CHECKING = False  # typing doubles the start of a program this small
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import IO

    Prints = dict[str, str]

MOST_LINES = 400
PIECE = 1 << 18
ADVICE = "Compared by size and checksum. To see more, install Debian's package diffoscope-minimal where builds run."


def compare(first: str, second: str) -> Iterator[str]:
    """Lines that tell every difference between the files below two directories, and inside of those."""
    ours, theirs = _files(first), _files(second)
    for name, line in _differences(ours, theirs):
        yield line
        if name in ours and name in theirs:
            inside = (_members(f"{top}/{name}") for top in (first, second))
            yield from (f"    {told}" for _, told in _differences(*inside))


def _differences(first: Mapping[str, str], second: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name in sorted({*first, *second}):
        if name not in second:
            yield name, f"{shown(name)}: only the first build made it"
        elif name not in first:
            yield name, f"{shown(name)}: only the second build made it"
        elif first[name] != second[name]:
            yield name, f"{shown(name)}: {first[name]}, then {second[name]}"


def _files(top: str) -> Prints:
    found = {}
    for place, _, names in os.walk(top):
        for name in names:
            path = os.path.join(place, name)  # noqa: PTH118 - pathlib costs start time
            with open(path, "rb") as content:  # noqa: PTH123 - the same
                found[path[len(top) + 1 :]] = _print_of(content)
    return found


def _print_of(content: IO[bytes]) -> str:
    digest, size = hashlib.sha256(), 0
    while piece := content.read(PIECE):
        digest.update(piece)
        size += len(piece)
    return f"{size:,} bytes, sha256 {digest.hexdigest()[:16]}…"


def _members(path: str) -> Prints:
    """What is in an archive, by name; with the dates and modes, which are what differs most often."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                return {info.filename: _zip_member(archive, info) for info in archive.infolist()}
        with tarfile.open(path) as packed:
            return {info.name: _tar_member(packed, info) for info in packed}
    except Exception:  # noqa: BLE001 - whatever a parser stumbles over, there is nothing more to tell
        return {}


def _zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> str:
    with archive.open(info) as content:
        written = "-".join(f"{part:02}" for part in info.date_time)
        return f"{_print_of(content)}, mode {info.external_attr >> 16:o}, dated {written}"


def _tar_member(archive: tarfile.TarFile, info: tarfile.TarInfo) -> str:
    content = archive.extractfile(info) if info.isreg() else None
    told = _print_of(content) if content else f"of kind {info.type!r}, to {shown(info.linkname)}"
    return f"{told}, mode {info.mode:o}, owner {shown(info.uname)} {info.uid}, dated {info.mtime:.0f}"


def main(first: str, second: str) -> None:
    lines = compare(first, second)
    for line in itertools.islice(lines, MOST_LINES):
        sys.stdout.write(line + "\n")
    if next(lines, None) is not None:
        sys.stdout.write("… and more.\n")
    sys.stdout.write(f"\n{ADVICE}\n")
