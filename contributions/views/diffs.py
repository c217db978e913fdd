"""A file's diff as table rows, unified or side by side. Written as strings: a template would take ten times as long."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from itertools import zip_longest
from typing import TYPE_CHECKING, Protocol

from django.utils.html import escape
from django.utils.safestring import SafeString

from contributions.markup import reveal_code
from contributions.patches import words

from .colouring import coloured

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from contributions.patches import Hunk, Line

LONGEST_LINE = 2000  # characters shown of one line
KINDS = {" ": "context", "+": "added", "-": "removed"}
COLUMNS = {"unified": 3, "split": 4}
BLANK = '<td class="number"></td><td class="code void"></td>'
EMPTY = SafeString("")
HTML = re.compile(r"(<[^>]*>)|(&[#\w]+;)|([^<&]+)")
TRAILING = re.compile(r"[ \t\u3000\xa0]+\Z")

Shown = tuple["Line", str]  # a line and its HTML


class Notes(Protocol):
    """What people said of the lines of one file."""

    def after(self, side: str, number: int) -> SafeString:
        """What stands below line `number` of side "L" (old) or "R" (new), over the full width; empty for nothing."""

    def mark(self, side: str, number: int) -> SafeString:
        """What stands beside the number of that line."""

    @property
    def head(self) -> SafeString:
        """What stands above the lines; asked for when they are written."""


class NoNotes:
    """Nobody said anything."""

    def after(self, side: str, number: int) -> SafeString:
        del side, number
        return EMPTY

    def mark(self, side: str, number: int) -> SafeString:
        del side, number
        return EMPTY

    @property
    def head(self) -> SafeString:
        return EMPTY


NOTHING_SAID = NoNotes()


@lru_cache(maxsize=4096)
def anchor_of(path: str) -> str:
    """The name of a file's place on a page, the same in every revision; that of its line 120 ends with R120 or L120."""
    return f"f{hashlib.sha256(path.encode('utf-8', 'surrogatepass')).hexdigest()[:10]}"


def text_of(line: Line) -> str:
    """The line as it is to be read: whatever bytes it has, nothing in it hides."""
    return shown_text(line.text)


def shown_text(raw: bytes) -> str:
    text = raw.decode("utf-8", "replace")
    more = len(text) - LONGEST_LINE
    shown = reveal_code(text[:LONGEST_LINE])
    return f"{shown} … ({more:,} more characters)" if more > 0 else shown


def shown_lines(lines: Sequence[Line], path: str, effort: words.Effort) -> list[Shown]:
    """Each line with its HTML; either side is coloured as one text, so that a string over several lines stays one."""
    texts = [text_of(line) for line in lines]
    old = [at for at, line in enumerate(lines) if line.kind in " -"]
    new = [at for at, line in enumerate(lines) if line.kind in " +"]
    html: list[str] = [escape(text) for text in texts]
    for side in (old, new):
        for at, colour in zip(side, coloured([texts[at] for at in side], path), strict=True):
            html[at] = colour
    for at, spans in words.marks([line.kind for line in lines], texts, effort).items():
        html[at] = _marked(html[at], spans)
    return [(line, _visible(line, text, code)) for line, text, code in zip(lines, texts, html, strict=True)]


def _marked(html: str, spans: Sequence[words.Span], tags: tuple[str, str] = ("<mark>", "</mark>")) -> str:
    """The HTML of a line with these characters of its text marked, inside whatever colours it has."""
    done, at = [], 0
    for tag, entity, text in HTML.findall(html):
        if tag:
            done.append(tag)
            continue
        size = 1 if entity else len(text)
        for start, end, is_change in _cuts(at, at + size, spans):
            piece = entity or text[start - at : end - at]
            done.append(f"{tags[0]}{piece}{tags[1]}" if is_change else piece)
        at += size
    return "".join(done)


def _cuts(start: int, end: int, spans: Sequence[words.Span]) -> Iterator[tuple[int, int, bool]]:
    """The stretch cut where a span begins or ends: each piece, and whether it lies in one."""
    at = start
    for first, last in spans:
        if last <= at or first >= end:
            continue
        if first > at:
            yield at, first, False
        yield max(first, at), min(last, end), True
        at = min(last, end)
    if at < end:
        yield at, end, False


def _visible(line: Line, text: str, html: str) -> str:
    """Tabs can be seen; so can blanks at the end of a changed line."""
    if line.kind in "+-" and (blank := TRAILING.search(text)):
        html = _marked(html, [(blank.start(), len(text))], ('<span class="tail">', "</span>"))
    return html.replace("\t", "<i>\t</i>") if "\t" in html else html


def heading_row(hunk: Hunk, view: str) -> str:
    return f'<tr class="hunk"><td colspan="{COLUMNS[view]}">{heading_words(hunk)}</td></tr>'


def heading_words(hunk: Hunk) -> str:
    old, new = f"-{hunk.old_start},{hunk.old_count}", f"+{hunk.new_start},{hunk.new_count}"
    return f"@@ {old} {new} @@ {escape(reveal_code(hunk.heading))}"


def _number(anchor: str, side: str, number: int | None, notes: Notes) -> str:
    if number is None:
        return '<td class="number"></td>'
    name = f"{anchor}{side}{number}"
    return f'<td class="number" id="{name}"><a href="#{name}">{number}</a>{notes.mark(side, number)}</td>'


def _below(line: Line, sides: str, view: str, notes: Notes) -> str:
    """What people said of the line, in rows of their own."""
    numbers = {"L": line.old_no, "R": line.new_no}
    said = (notes.after(side, number) for side in sides if (number := numbers[side]) is not None)
    return "".join(f'<tr class="said"><td colspan="{COLUMNS[view]}">{html}</td></tr>' for html in said if html)


def unified_rows(anchor: str, lines: Sequence[Shown], notes: Notes | None = None) -> Iterator[str]:
    notes = notes or NOTHING_SAID
    for line, html in lines:
        if line.kind == "\\":
            yield f'<tr class="remark"><td></td><td></td><td class="code">{html}</td></tr>'
            continue
        old, new = _number(anchor, "L", line.old_no, notes), _number(anchor, "R", line.new_no, notes)
        sign = f'<span class="sign">{line.kind}</span>'
        yield f'<tr class="{KINDS[line.kind]}">{old}{new}<td class="code">{sign}{html}</td></tr>'
        yield _below(line, "LR", "unified", notes)


def split_rows(anchor: str, lines: Sequence[Shown], notes: Notes | None = None) -> Iterator[str]:
    notes = notes or NOTHING_SAID
    for left, right in _paired(_ended(lines)):
        yield f"<tr>{_side(anchor, 'L', left, notes)}{_side(anchor, 'R', right, notes)}</tr>"
        if left:
            yield _below(left[0], "L", "split", notes)
        if right:
            yield _below(right[0], "R", "split", notes)


def _ended(lines: Sequence[Shown]) -> list[Shown]:
    """The lines, with the remark on a missing newline at the end of the line that lacks it."""
    done: list[Shown] = []
    for line, html in lines:
        if line.kind == "\\" and done:
            done[-1] = (done[-1][0], f'{done[-1][1]}<span class="remark"> ⊘ {html}</span>')
        elif line.kind != "\\":
            done.append((line, html))
    return done


def _paired(lines: Sequence[Shown]) -> Iterator[tuple[Shown | None, Shown | None]]:
    """The old line beside the new one; what was removed beside what was added in its place."""
    removed: list[Shown] = []
    added: list[Shown] = []
    for shown in lines:
        kind = shown[0].kind
        if kind == "-" and not added:
            removed.append(shown)
        elif kind == "+":
            added.append(shown)
        else:
            yield from zip_longest(removed, added)
            removed, added = ([shown], []) if kind == "-" else ([], [])
            if kind == " ":
                yield shown, shown
    yield from zip_longest(removed, added)


ROWS = {"unified": unified_rows, "split": split_rows}


def _side(anchor: str, side: str, shown: Shown | None, notes: Notes) -> str:
    if shown is None:
        return BLANK
    line, html = shown
    number = _number(anchor, side, line.old_no if side == "L" else line.new_no, notes)
    return f'{number}<td class="code {KINDS[line.kind]}"><span class="sign">{line.kind}</span>{html}</td>'
