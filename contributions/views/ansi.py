"""Build logs as HTML: a terminal's colours become classes, all else that a terminal does is left out."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from django.utils.html import escape

from contributions.markup import reveal_code

ESCAPES = re.compile(
    r"\x1b(?:\[([0-9;:]*)([@-~]?)|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|[ -/]*[0-~]?)"
)
COLOURS = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
BRIGHT, NORMAL = range(90, 98), range(30, 38)
LONGEST_LINE = 4000  # characters shown of one line; the raw log has them all
DIGITS = 3  # of a code; longer ones mean nothing
MARK = re.compile(r"[0-7x][01]{2}")


@dataclass(frozen=True)
class Style:
    """How the text that follows is painted. `mark` and `read` carry it from one piece of a log to the next."""

    colour: int | None = None
    bold: bool = False
    faint: bool = False

    @property
    def mark(self) -> str:
        return f"{'x' if self.colour is None else self.colour}{int(self.bold)}{int(self.faint)}"

    @classmethod
    def read(cls, mark: str) -> Style:
        if not MARK.fullmatch(mark):
            return PLAIN
        return cls(None if mark[0] == "x" else int(mark[0]), mark[1] == "1", mark[2] == "1")

    @property
    def classes(self) -> str:
        names = [f"ansi-{COLOURS[self.colour]}"] if self.colour is not None else []
        return " ".join(names + ["ansi-bold"] * self.bold + ["ansi-faint"] * self.faint)

    def painted(self, text: str) -> str:
        if not text:
            return ""
        shown = escape(reveal_code(text))
        return f'<span class="{self.classes}">{shown}</span>' if self.classes else shown

    def after(self, codes: str) -> Style:
        """The style after a "select graphic rendition" sequence (ECMA-48, 8.3.117)."""
        style, numbers = self, [int(word or 0) for word in re.split("[;:]", codes[:60]) if len(word) <= DIGITS]
        while numbers:
            number = numbers.pop(0)
            style = _extended(style, number, numbers) if number in {38, 48} else _simple(style, number)
        return style


PLAIN = Style()


def _simple(style: Style, number: int) -> Style:
    if number in NORMAL:
        return replace(style, colour=number - NORMAL.start)
    if number in BRIGHT:
        return replace(style, colour=number - BRIGHT.start)
    changes = {1: {"bold": True}, 2: {"faint": True}, 22: {"bold": False, "faint": False}, 39: {"colour": None}}
    return PLAIN if number == 0 else replace(style, **changes.get(number, {}))  # type: ignore[arg-type]


def _extended(style: Style, number: int, rest: list[int]) -> Style:
    """A colour out of 256, of which the first 16 are ours, or out of all, which no class can name."""
    space = rest.pop(0) if rest else 0
    values = [rest.pop(0) for _ in range({5: 1, 2: 3}.get(space, 0)) if rest]
    is_ours = number == 38 and space == 5 and values and values[0] < 16  # noqa: PLR2004 - codes of ECMA-48 and xterm
    return replace(style, colour=values[0] % 8) if is_ours else style


def painted_lines(text: str, style: Style = PLAIN) -> tuple[list[str], Style]:
    """Return each line's HTML and the style at the end. A line that was written over shows its last writing."""
    lines = []
    for raw in text.split("\n"):
        line, style = _painted(_last_writing(raw), style)
        lines.append(line)
    return lines, style


def _last_writing(line: str) -> str:
    line = line.rstrip("\r")
    return line.rpartition("\r")[2] if "\r" in line else line


def _painted(line: str, style: Style) -> tuple[str, Style]:
    if len(line) > LONGEST_LINE:
        line = f"{line[:LONGEST_LINE]} … ({len(line) - LONGEST_LINE:,} more characters)"
    done, at = [], 0
    for found in ESCAPES.finditer(line):
        done.append(style.painted(line[at : found.start()]))
        if found.group(2) == "m":
            style = style.after(found.group(1))
        at = found.end()
    done.append(style.painted(line[at:]))
    return "".join(done), style
