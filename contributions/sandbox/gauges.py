"""Reads from outside how full a running jail is, where the kernel does not hold the bound by itself.

Every path goes through the jail's process 1, so the build can neither hide from these readings nor forge them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from contributions.sandbox.jobs import MEGABYTE, Limits

if TYPE_CHECKING:
    from collections.abc import Iterator

_PAGE = os.sysconf("SC_PAGE_SIZE")
# A file system counts as full when less is left than a compiler writes at once.
_ROOM_TO_WORK = 64 * 1024
# Empty files cost the kernel about a kilobyte each, which no size limit sees: 256 of them weigh as a quarter megabyte.
_FILES_PER_MEGABYTE = 256


def most_files(limits: Limits) -> int:
    return limits.disk_mb * _FILES_PER_MEGABYTE


class Disk:
    """The jail's writable file system, by an open handle; `was_full` remembers."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self.was_full = False
        self.used_bytes = 0
        self.files = 0

    def read(self) -> None:
        if self._handle < 0:
            return
        try:
            now = os.fstatvfs(self._handle)
        except OSError:
            return
        self.used_bytes = (now.f_blocks - now.f_bfree) * now.f_frsize
        self.files = now.f_files - now.f_ffree
        self.was_full |= now.f_bavail * now.f_frsize < _ROOM_TO_WORK


def memory_bytes(init: int) -> int:
    """What the jail's processes hold for themselves: memory that is neither files nor shared."""
    return sum(_private_bytes(pid) for pid in _descendants(init))


def _private_bytes(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/statm").read_text().split()
    except OSError:
        return 0
    return (int(fields[1]) - int(fields[2])) * _PAGE


def _descendants(init: int) -> Iterator[int]:
    """Orphans fall to the jail's process 1, so all of the jail hangs below it."""
    waiting = [init]
    while waiting:
        pid = waiting.pop()
        yield pid
        try:
            for task in Path(f"/proc/{pid}/task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
        except OSError:
            continue


def directory_megabytes(directory: Path) -> int:
    """The size of a tree on the host's disk, links not followed; what vanishes while it is read counts nothing."""
    return sum(_allocated(entry) for entry in _entries(directory)) // MEGABYTE


def _entries(directory: Path) -> Iterator[os.DirEntry[str]]:
    waiting = [os.fspath(directory)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    yield entry
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except OSError:
            continue


def _allocated(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_blocks * 512
    except OSError:
        return 0
