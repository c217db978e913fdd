"""A stretch of an upload as lines, each of which knows the number it has in the file that was sent."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Text:
    r"""`lines` have lost their "\\n"; `first` is the number of the first; `where` names a decoded part."""

    lines: list[bytes]
    first: int = 1
    where: str = ""
    ends_open: bool = False  # the last line has no newline

    def at(self, index: int) -> str:
        return f"Line {self.first + index}{self.where}"

    def from_line(self, index: int) -> Text:
        return Text(self.lines[index:], self.first + index, self.where, self.ends_open)


def text_of(raw: bytes, first: int = 1, where: str = "") -> Text:
    """Lines of `raw`, without the CR that a mail program or an editor gave to every one of them."""
    lines = raw.split(b"\n")
    ends_open = bool(lines[-1])
    if not ends_open:
        lines.pop()
    return Text(lines, first, where, ends_open)
