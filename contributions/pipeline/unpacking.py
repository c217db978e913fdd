"""The tree that a build starts from: its release, unpacked once on this worker, and what its own commit adds."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.conf import settings

from contributions.checkout import sources

from .keeping import kept

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from contributions.models import Build


@contextmanager
def unpacked(mirror: Path, commit: str, keep_going: Callable[[], bool]) -> Iterator[Path]:
    """The release's commit, unpacked for the sandbox; nothing sweeps it during the block."""
    owner = settings.SANDBOX_UID if os.geteuid() == 0 else None

    def make(into: Path) -> None:
        sources.unpack_release(mirror, commit, into, owner=owner)

    with kept(settings.RELEASES_DIR / commit, make, keep_going) as place:
        yield place


@contextmanager
def tree_of(row: Build, mirror: Path, into: Path, keep_going: Callable[[], bool]) -> Iterator[tuple[Path, Path | None]]:
    """The unpacked release, and the repository `into` of what the build's own commit adds to it, if there is such."""
    if row.is_bare:
        with unpacked(mirror, row.commit, keep_going) as base:
            yield base, None
        return
    addition = sources.addition_of(mirror, row.commit, onto=row.upstream_commit if row.assembly_id else "")
    with unpacked(mirror, addition.base, keep_going) as base:
        yield base, sources.added_repository(mirror, addition, into)
