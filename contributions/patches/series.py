"""What an upload turns out to be: patches in their order, with what was said about them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True)
class Patch:
    """One commit to be: `diff` is exactly what is to be applied, in git's own form with a/ and b/.

    The author is what the mail says, empty or None where it says nothing; the account that sends is the author of
    record. `base_blobs` are the blob ids (perhaps short) that git found before the change, by path. `lines` tell
    where in the upload each path's change begins.
    """

    subject: str
    body: str
    author_name: str
    author_email: str
    authored_at: datetime | None
    diff: bytes = field(repr=False)
    part: int = 1
    parts: int = 1
    base_blobs: Mapping[str, str] = field(default_factory=dict)
    lines: Mapping[str, str] = field(default_factory=dict)
    paths: frozenset[str] = frozenset()

    @property
    def message(self) -> str:
        return f"{self.subject}\n\n{self.body}".strip() + "\n"


@dataclass(frozen=True)
class Series:
    patches: tuple[Patch, ...]
    cover: str = ""
    base_commit: str | None = None


def touched_paths(series: Series) -> frozenset[str]:
    """Every path that the series changes, adds, removes or moves, old names and new."""
    return frozenset().union(*(patch.paths for patch in series.patches))
