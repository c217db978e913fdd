"""The directory of one piece of work: gone when the work ends; after a kill -9, gone when the next work begins."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = "patchbay-work-"
YOUNG = 60  # seconds: a directory of this age may be one whose maker has not locked it yet


@contextmanager
def work_area() -> Iterator[Path]:
    """A fresh private directory where temporary files go (TMPDIR). Raises OSError when the disk has no room."""
    _sweep()
    place = Path(tempfile.mkdtemp(prefix=PREFIX))
    try:
        with _held(place):
            yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextmanager
def _held(place: Path) -> Iterator[None]:
    """The lock says that the maker lives: the kernel lets go of it when the process ends, however it ends."""
    handle = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _sweep() -> None:
    for place in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            _remove_if_abandoned(place)
        except OSError:
            continue  # another was faster, or its maker lives


def _remove_if_abandoned(place: Path) -> None:
    status = place.lstat()
    if status.st_uid != os.geteuid() or time.time() - status.st_ctime < YOUNG:
        return
    handle = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(place, ignore_errors=True)
    finally:
        os.close(handle)
