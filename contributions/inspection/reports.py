"""What the jailed program says it found, believed only as far as it can be checked: hostile bytes may have spoken."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .findings import MOST_LISTED, shown
from .sniffing import HEAD as HEAD, media_type as media_type_of, words as words_for

HERE = Path(__file__).parent
PROGRAM = ("__init__", "findings", "names", "sniffing", "packings", "tars", "zips", "looking", "comparing")
LONGEST_SENTENCE = 600
LONGEST_TYPE = 100
LARGEST = 1 << 20  # bytes of an answer
COUNT = 2**62


@dataclass(frozen=True)
class Report:
    """`refused` is the reason, if the file is not to be taken; `listed` are its first members by name and size."""

    refused: str = ""
    media_type: str = ""
    members: int = 0
    bytes: int = 0
    listed: tuple[tuple[str, int], ...] = ()

    @property
    def contents(self) -> dict[str, Any]:
        """For the archive's row; empty for what is no archive."""
        if not self.members:
            return {}
        return {"members": self.members, "bytes": self.bytes, "listed": [list(member) for member in self.listed]}


class NoReport(Exception):
    """The program said nothing that makes sense."""


def put_program_into(directory: Path) -> None:
    """Lay the program down as the package `inspection`, for the jail's own python3."""
    package = directory / "inspection"
    package.mkdir(mode=0o755)
    for name in PROGRAM:
        (package / f"{name}.py").write_bytes((HERE / f"{name}.py").read_bytes())


def read_report(answer: bytes) -> Report:
    """Raises NoReport for anything that the program would not have written."""
    try:
        said = json.loads(answer[:LARGEST])
        if "refused" in said:
            return Report(refused=shown_sentence(str(said["refused"])))
        return _found(said["found"])
    except (ValueError, TypeError, KeyError, RecursionError):
        raise NoReport from None


def shown_sentence(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable())[:LONGEST_SENTENCE] or "It cannot be read."


def _found(found: dict[str, Any]) -> Report:
    listed = tuple((shown(str(name)), _count(size)) for name, size in found["listed"][:MOST_LISTED])
    kind = shown(str(found["media_type"]))[:LONGEST_TYPE]
    return Report("", kind, _count(found["members"]), _count(found["bytes"]), listed)


def _count(number: Any) -> int:
    if not isinstance(number, int) or not 0 <= number < COUNT:
        raise ValueError(number)
    return number


def sniffed(head: bytes) -> str:
    """The media type of a file that begins so."""
    return media_type_of(head[:HEAD])


def words(kind: str) -> str:
    return words_for(kind)
