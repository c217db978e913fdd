"""What lies between two trees, told by git processes that stay: path by path, and as the text of a diff."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from contributions.checkout.fingerprints import DIFF
from contributions.checkout.talking import Talk

if TYPE_CHECKING:
    from contributions.checkout.bench import Bench

NOTHING = "0" * 40
RAW = ("diff-tree", "-r", "--no-renames", "--raw", "-z")


@dataclass(frozen=True)
class Entry:
    """What became of a path: `status` is M, A, D or T (of another type); a blob is empty where there is none."""

    path: str
    status: str
    old_mode: str
    new_mode: str
    old: str
    new: str

    @property
    def keeps_its_mode(self) -> bool:
        return self.old_mode == self.new_mode

    def reversed(self) -> Entry:
        status = {"A": "D", "D": "A"}.get(self.status, self.status)
        return Entry(self.path, status, self.new_mode, self.old_mode, self.new, self.old)


class Differences:
    """Between trees that the bench sees."""

    def __init__(self, bench: Bench) -> None:
        # git repeats a line that names nothing, and says all that it held back: so an answer's end is told.
        self._end = f"end-{secrets.token_hex(16)}\n".encode()
        self._raw = Talk(bench.repo, *RAW, "--stdin", env=bench.places)
        self._text = Talk(bench.repo, *DIFF, "--stdin", env=bench.places)

    def end(self) -> None:
        self._raw.end()
        self._text.end()

    def entries(self, old: str, new: str) -> tuple[Entry, ...]:
        words = self._ask(self._raw, old, new).decode("utf-8", "surrogateescape").split("\0")
        return tuple(_entry(told, path) for told, path in zip(words[0::2], words[1::2], strict=False))

    def text(self, old: str, new: str) -> bytes:
        """The change in the one form in which this room compares and numbers changes."""
        return self._ask(self._text, old, new)

    def _ask(self, talk: Talk, old: str, new: str) -> bytes:
        question = f"{old} {new}\n".encode() + self._end
        return talk.ask(question, lambda voice: voice.until(self._end)).partition(b"\n")[2]


def _entry(told: str, path: str) -> Entry:
    old_mode, new_mode, old, new, status = told.removeprefix(":").split(" ")
    return Entry(path, status[:1], old_mode, new_mode, _blob(old), _blob(new))


def _blob(name: str) -> str:
    return "" if name.strip("0") == "" else name
