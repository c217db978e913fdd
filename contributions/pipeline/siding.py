"""Each touched file before and after a change: kept for readers, and what is to be known of those that are no text."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db import transaction

from contributions.checkout import contents
from contributions.models import Blob, Revision
from contributions.patches import parse_diff, sides
from contributions.patches.pictures import picture_in

from .places import mirror_with

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from contributions.patches import FileDiff

KIB, MIB = 1 << 10, 1 << 20
MOST_TEXT, MOST_PICTURE, MOST_IN_ALL = 512 * KIB, 2 * MIB, 32 * MIB  # bytes kept of one file, and of all
MOST_HASHED, MOST_READ = 32 * MIB, 256 * MIB  # bytes of one binary file whose digest is told, and read in all
NO_BLOB = "0" * 40
SUBMODULE = "160000"


@dataclass(frozen=True)
class Sides:
    """The ZIP, if anything is worth keeping, and per file what goes beside the rest that is known of it."""

    packed: bytes | None
    facts: Sequence[dict[str, Any]]


@dataclass
class _Read:
    """What was read of the blobs: the bytes to keep, and facts of the binary ones."""

    kept: dict[str, bytes] = field(default_factory=dict)
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    room: int = MOST_IN_ALL


def sides_of(repository: Path, files: Sequence[FileDiff]) -> Sides:
    """Read both sides of each file from the repository, as far as the limits go."""
    sizes = contents.sizes_of(repository, (blob for file in files for blob in _blobs(file)))
    binary = {blob for file in files if file.binary for blob in _blobs(file) if blob in sizes}
    read = _Read(facts={blob: {"size": sizes[blob]} for blob in binary})
    for blob, content in contents.contents_of(repository, _worth_reading(sizes, binary)):
        if blob in binary:
            _look_at(blob, content, read)
        else:
            _keep(blob, content, read)
    pairs = [tuple(read.kept.get(blob) for blob in (file.old_blob, file.new_blob)) for file in files]
    packed = sides.pack((old, new) for old, new in pairs) if read.kept else None
    return Sides(packed, [_facts(file, read) for file in files])


def add_sides(revision: Revision) -> bool:
    """The same for a revision that was received before sides were kept; False if there is nothing to keep of it."""
    if revision.diff is None or revision.sides_id is not None:
        return False
    files = parse_diff(revision.diff.read())
    found = sides_of(mirror_with(revision), files)
    if found.packed is None or len(files) != len(revision.files):
        return False
    known = [known | facts for known, facts in zip(revision.files, found.facts, strict=True)]
    with transaction.atomic():
        blob = Blob.objects.keep_bytes(found.packed)
        return bool(Revision.objects.filter(pk=revision.pk, sides=None).update(sides=blob, files=known))


def _blobs(file: FileDiff) -> list[str]:
    """The blobs of both sides; of a submodule there is only the name of a commit."""
    pairs = ((file.old_mode, file.old_blob), (file.new_mode, file.new_blob))
    return [blob for mode, blob in pairs if blob and blob != NO_BLOB and mode != SUBMODULE]


def _worth_reading(sizes: Mapping[str, int], binary: set[str]) -> dict[str, int]:
    wanted, room = {}, MOST_READ
    for blob, size in sizes.items():
        if size <= (MOST_HASHED if blob in binary else MOST_TEXT) and size <= room:
            wanted[blob] = size
            room -= size
    return wanted


def _keep(blob: str, content: bytes, read: _Read) -> None:
    if len(content) <= read.room:
        read.kept[blob] = content
        read.room -= len(content)


def _look_at(blob: str, content: bytes, read: _Read) -> None:
    """Of what is no text only pictures are kept."""
    read.facts[blob]["sha256"] = hashlib.sha256(content).hexdigest()
    picture = picture_in(content)
    if picture and len(content) <= MOST_PICTURE:
        _keep(blob, content, read)
        if blob in read.kept:
            read.facts[blob] |= {"kind": picture.kind, "width": picture.width, "height": picture.height}


def _facts(file: FileDiff, read: _Read) -> dict[str, Any]:
    if file.binary:
        named: Mapping[str, str] = {"old": file.old_blob, "new": file.new_blob}
        return {"sides": {which: read.facts[blob] for which, blob in named.items() if blob in read.facts}}
    content = read.kept.get(file.new_blob)
    if content is None or file.old_blob not in read.kept:
        return {}  # added, deleted or too large: there is nothing around its changes, or nobody can tell
    return {"lines": content.count(b"\n") + (content[-1:] not in {b"\n", b""})}
