"""What stands in a file, read from the repository by the blob's own name and no more than was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contributions.checkout.runner import Fence, git

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

MOST_AT_ONCE = 8 << 20  # bytes that git is asked for in one go


def sizes_of(repo: Path, blobs: Iterable[str]) -> dict[str, int]:
    """Blob id -> bytes, of those that the repository has."""
    wanted = sorted(set(blobs))
    if not wanted:
        return {}
    asked = "".join(f"{blob}\n" for blob in wanted).encode()
    listed = git(repo, "cat-file", "--batch-check", input=asked, fence=Fence()).decode().splitlines()
    words = (line.split() for line in listed)
    return {found[0]: int(found[2]) for found in words if len(found) == 3 and found[1] == "blob"}  # noqa: PLR2004 - id, type, size


def contents_of(repo: Path, sizes: dict[str, int]) -> Iterator[tuple[str, bytes]]:
    """Each of the blobs with its bytes; `sizes` is what sizes_of() said of them."""
    for group in _groups(sizes):
        asked = "".join(f"{blob}\n" for blob in group).encode()
        yield from _split(git(repo, "cat-file", "--batch", input=asked, fence=Fence()))


def _groups(sizes: dict[str, int]) -> Iterator[Sequence[str]]:
    """So many that together they are not much, or one that is much by itself."""
    group: list[str] = []
    total = 0
    for blob, size in sizes.items():
        if group and total + size > MOST_AT_ONCE:
            yield group
            group, total = [], 0
        group.append(blob)
        total += size
    if group:
        yield group


def _split(answer: bytes) -> Iterator[tuple[str, bytes]]:
    at = 0
    while at < len(answer):
        end = answer.index(b"\n", at)
        blob, _, size = answer[at:end].decode().split()
        yield blob, answer[end + 1 : end + 1 + int(size)]
        at = end + int(size) + 2
