"""A file's change as somebody wrote it down, before it is settled what it means."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class SentHunk:
    """A hunk's heading as numbers and its lines as sent, blank context made whole again."""

    numbers: tuple[int, int, int, int]
    heading: bytes
    lines: list[bytes]
    at: str


@dataclass
class SentFile:
    """One file's change as it was written; paths still have their prefixes until naming.py settles them."""

    at: str
    names: bytes | None  # what stands after "diff --git", None in a diff that is not git's
    old: bytes | None = None  # after "---"
    new: bytes | None = None  # after "+++"
    moved_from: bytes | None = None
    moved_to: bytes | None = None
    verb: str = ""  # "rename" or "copy"
    modes: dict[str, str] = field(default_factory=dict)
    blobs: tuple[str, str] = ("", "")
    mode: str = ""  # from the index line: the mode that stays
    hunks: list[SentHunk] = field(default_factory=list)
    binary: list[bytes] = field(default_factory=list)
