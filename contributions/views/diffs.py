"""A file's diff as table rows, unified or side by side. Written as strings: a template would take ten times as long."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from contributions.markup import reveal_code

from .colouring import coloured

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from contributions.patches import FileDiff, Hunk, Line

LONGEST_LINE = 2000  # characters shown of one line
KINDS = {" ": "context", "+": "added", "-": "removed"}
BLANK = '<td class="number"></td><td class="code void"></td>'

Shown = tuple["Line", str]  # a line and its HTML


def text_of(line: Line) -> str:
    """The line as it is to be read: whatever bytes it has, nothing in it hides."""
    text = line.text.decode("utf-8", "replace")
    more = len(text) - LONGEST_LINE
    shown = reveal_code(text[:LONGEST_LINE])
    return f"{shown} … ({more:,} more characters)" if more > 0 else shown


def unified(index: int, hunks: Sequence[Hunk], path: str) -> SafeString:
    rows = []
    for hunk in hunks:
        rows.append(_heading(hunk, 3))
        rows.extend(_unified_row(index, line, html) for line, html in _shown(hunk, path))
    return mark_safe("".join(rows))  # noqa: S308 - every piece of text in it went through escape()


def split(index: int, hunks: Sequence[Hunk], path: str) -> SafeString:
    rows = []
    for hunk in hunks:
        rows.append(_heading(hunk, 4))
        rows.extend(_split_row(index, left, right) for left, right in _paired(_shown(hunk, path)))
    return mark_safe("".join(rows))  # noqa: S308 - as above


def _shown(hunk: Hunk, path: str) -> list[Shown]:
    """Each line with its HTML; either side is coloured as one text, so that a string over several lines stays one."""
    lines = hunk.lines
    texts = [text_of(line) for line in lines]
    old = [at for at, line in enumerate(lines) if line.kind in " -"]
    new = [at for at, line in enumerate(lines) if line.kind in " +"]
    html: list[str] = [escape(text) for text in texts]
    for side in (old, new):
        for at, colour in zip(side, coloured([texts[at] for at in side], path), strict=True):
            html[at] = colour
    return list(zip(lines, html, strict=True))


def _heading(hunk: Hunk, columns: int) -> str:
    old, new = f"-{hunk.old_start},{hunk.old_count}", f"+{hunk.new_start},{hunk.new_count}"
    words = f"@@ {old} {new} @@ {escape(reveal_code(hunk.heading))}"
    return f'<tr class="hunk"><td colspan="{columns}">{words}</td></tr>'


def _number(index: int, side: str, number: int | None, *, anchor: bool = False) -> str:
    if number is None:
        return '<td class="number"></td>'
    name = f"f{index}{side}{number}"
    identity = f' id="{name}"' if anchor else ""
    return f'<td class="number"{identity}><a href="#{name}">{number}</a></td>'


def _unified_row(index: int, line: Line, html: str) -> str:
    if line.kind == "\\":
        return f'<tr class="remark"><td></td><td></td><td class="code">{html}</td></tr>'
    old = _number(index, "L", line.old_no, anchor=line.kind == "-")
    new = _number(index, "R", line.new_no, anchor=line.new_no is not None)
    sign = f'<span class="sign">{line.kind}</span>'
    return f'<tr class="{KINDS[line.kind]}">{old}{new}<td class="code">{sign}{html}</td></tr>'


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
        elif kind == "\\":
            continue
        else:
            yield from zip_longest(removed, added)
            removed, added = ([shown], []) if kind == "-" else ([], [])
            if kind == " ":
                yield shown, shown
    yield from zip_longest(removed, added)


def _split_row(index: int, left: Shown | None, right: Shown | None) -> str:
    return f"<tr>{_side(index, 'L', left)}{_side(index, 'R', right)}</tr>"


def _side(index: int, side: str, shown: Shown | None) -> str:
    if shown is None:
        return BLANK
    line, html = shown
    number = _number(index, side, line.old_no if side == "L" else line.new_no, anchor=True)
    return f'{number}<td class="code {KINDS[line.kind]}"><span class="sign">{line.kind}</span>{html}</td>'


def line_count(diff: FileDiff) -> int:
    return sum(hunk.old_count + hunk.added for hunk in diff.hunks)
