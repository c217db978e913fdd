"""Directories that this worker keeps because they are slow to make: there whole or not at all, the least used swept.

They may vanish at any time: whoever needs one makes it again.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import time
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING

from django.conf import settings

from contributions.errors import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

log = logging.getLogger(__name__)

_TICK = 0.05
_SIZE = "bytes"


@contextmanager
def kept(place: Path, make: Callable[[Path], None], keep_going: Callable[[], bool]) -> Iterator[Path]:
    """The directory `place` for the block, in which nobody sweeps it; `make` fills an empty one if it is not there.

    Who comes while it is made waits for it. Raises Trouble when `keep_going` says to wait no longer.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.with_name(f"{place.name}.lock").open("w") as lock:
        while True:
            _hold(lock, fcntl.LOCK_SH, keep_going)
            if place.is_dir():
                break
            _hold(lock, fcntl.LOCK_EX, keep_going)
            if not place.is_dir():
                _make(place, make)
                sweep([settings.PREPARED_DIR, settings.RELEASES_DIR], settings.KEPT_MEGABYTES)
        os.utime(place)
        yield place


def _hold(lock: IO[str], kind: int, keep_going: Callable[[], bool]) -> None:
    """The lock goes with the process that holds it, however that ends."""
    while True:
        with suppress(BlockingIOError):
            return fcntl.flock(lock, kind | fcntl.LOCK_NB)
        if not keep_going():
            raise Trouble("The worker was asked to stop while it waited for another one.")
        time.sleep(_TICK)


def _make(place: Path, make: Callable[[Path], None]) -> None:
    """Under a name that nobody looks for, renamed when it is whole; a lost worker's half-made one gives way."""
    fresh = place.with_name(f"{place.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    try:
        make(fresh)
        (fresh / _SIZE).write_text(str(_bytes_in(fresh)))
        fresh.rename(place)
    except OSError as problem:
        raise Trouble(f"A directory that builds need could not be made: {problem.strerror}.") from problem
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _bytes_in(directory: Path) -> int:
    return sum(
        os.lstat(os.path.join(folder, name)).st_blocks * 512  # noqa: PTH118 - thousands of files
        for folder, _, files in os.walk(directory)
        for name in files
    )


def sweep(caches: list[Path], most_megabytes: int) -> int:
    """Remove what was used longest ago until all together is below the limit; how many directories went."""
    for cache in caches:
        _clear_away(cache)
    found = sorted((entry for cache in caches for entry in _entries(cache)), key=_used_at, reverse=True)
    total = gone = 0
    for place in found:
        total += _size_of(place)
        if total > most_megabytes << 20 and _remove(place):
            gone += 1
    return gone


def _entries(cache: Path) -> list[Path]:
    return [lock.with_suffix("") for lock in cache.glob("*.lock") if lock.with_suffix("").is_dir()]


def _clear_away(cache: Path) -> None:
    """What was half made when its worker was lost."""
    for fresh in cache.glob("*.new"):
        with fresh.with_suffix(".lock").open("w") as lock, suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(fresh, ignore_errors=True)


def _used_at(place: Path) -> float:
    with suppress(FileNotFoundError):
        return place.stat().st_mtime
    return 0.0


def _size_of(place: Path) -> int:
    with suppress(FileNotFoundError, ValueError):
        return int((place / _SIZE).read_text())
    return 0


def _remove(place: Path) -> bool:
    """Unless somebody uses it; moved out of sight first, so that nobody ever sees a part."""
    with place.with_name(f"{place.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        gone = place.with_name(f"{place.name}.new")
        shutil.rmtree(gone, ignore_errors=True)
        with suppress(FileNotFoundError):
            place.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)
    log.info("Swept %s, which was not used for long.", place)
    return True
