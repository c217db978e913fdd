"""The rows of a file with the lines between its hunks, as many of them as a reader asked for."""

from __future__ import annotations

import re
from itertools import zip_longest
from typing import TYPE_CHECKING, NamedTuple

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from contributions.errors import Invalid
from contributions.patches import context
from contributions.patches.words import Effort

from .diffs import COLUMNS, ROWS, heading_row, heading_words, shown_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from contributions.patches import Hunk
    from contributions.patches.context import Gap, Range

    from .diffs import Notes

STEP, LEAP = 20, 1000  # lines that one press shows, and the most that “all” does
MOST_RANGES, MOST_SHOWN = 60, 5000  # lines beyond the hunks on one page
RANGE = re.compile(r"([1-9]\d{0,7})-([1-9]\d{0,7})")


class Surroundings(NamedTuple):
    """The new side of a file, line by line, what of it is wanted, and the address that shows more of it."""

    texts: Sequence[bytes]
    wanted: Sequence[Range]
    link: Callable[[str], str]  # of the lines wanted, as they are written in an address

    def link_with(self, first: int, last: int) -> str:
        return self.link(written([*self.wanted, (first, last)]))


class Layout(NamedTuple):
    anchor: str
    path: str
    view: str
    notes: Notes | None = None


def ranges_in(word: str) -> list[Range]:
    """The lines that an address wants, "100-119,300-340". Raises Invalid for anything else."""
    found = [RANGE.fullmatch(part) for part in word.split(",")[: MOST_RANGES + 1]] if word else []
    ranges = [(int(each[1]), int(each[2])) for each in found if each]
    if len(ranges) < len(found) or any(first > last for first, last in ranges):
        raise Invalid("The context is lines such as 100-119,300-340.")
    total = sum(last - first + 1 for first, last in context.merged(ranges))
    if len(ranges) > MOST_RANGES or total > MOST_SHOWN:
        raise Invalid(
            f"A page shows {MOST_SHOWN:,} lines around the changes, in {MOST_RANGES} pieces; fetch the patch."
        )
    return ranges


def written(ranges: Sequence[Range]) -> str:
    return ",".join(f"{first}-{last}" for first, last in context.merged(ranges))


def rows(hunks: Sequence[Hunk], layout: Layout, around: Surroundings | None, effort: Effort) -> SafeString:
    """All rows; without surroundings each hunk has its heading and nothing can be opened between them."""
    found: list[str] = []
    hidden = context.gaps(hunks, len(around.texts)) if around else []
    for hunk, gap in zip_longest(hunks, hidden):
        if around and gap.size:
            found.extend(_gap_rows(gap, hunk, layout, around))
        elif hunk and not around:
            found.append(heading_row(hunk, layout.view))
        if hunk:
            lines = shown_lines(hunk.lines, layout.path, effort)
            found.extend(ROWS[layout.view](layout.anchor, lines, layout.notes))
    return mark_safe("".join(found))  # noqa: S308 - every piece of text in it went through escape()


def rows_between(hunks: Sequence[Hunk], span: Range, layout: Layout, around: Surroundings) -> SafeString:
    """The rows that take the place of the hidden lines from one number to another."""
    for hunk, gap in zip_longest(hunks, context.gaps(hunks, len(around.texts))):
        first, last = max(gap.new, span[0]), min(gap.last, span[1])
        if first <= last:
            found = _gap_rows(gap.part(first, last), hunk if last == gap.last else None, layout, around)
            return mark_safe("".join(found))  # noqa: S308 - as above
    raise Invalid("There are no hidden lines of those numbers.")


def _gap_rows(gap: Gap, hunk: Hunk | None, layout: Layout, around: Surroundings) -> Iterator[str]:
    for piece, is_shown in context.pieces(gap, around.wanted):
        if is_shown:
            lines = shown_lines(piece.lines(around.texts), layout.path, Effort())
            yield from ROWS[layout.view](layout.anchor, lines, layout.notes)
        else:
            follows = hunk if piece.last == gap.last else None
            yield _closed_row(piece, follows, layout, around)


def _closed_row(gap: Gap, hunk: Hunk | None, layout: Layout, around: Surroundings) -> str:
    """The row that stands for hidden lines: what opens them, and the heading of the hunk below."""
    is_first, is_last = gap.new == 1, gap.last == len(around.texts)
    links = []
    if gap.size > STEP and not is_first:
        links.append(_opener(gap, gap.new, gap.new + STEP - 1, f"↓ {STEP} lines", layout, around))
    if gap.size > STEP and not is_last:
        links.append(_opener(gap, gap.last - STEP + 1, gap.last, f"↑ {STEP} lines", layout, around))
    if gap.size <= LEAP:
        words = f"all {gap.size} lines" if gap.size > 1 else "1 line"
        links.append(_opener(gap, gap.new, gap.last, words, layout, around))
    heading = f'<span class="hunk-words">{heading_words(hunk)}</span>' if hunk else ""
    columns = COLUMNS[layout.view]
    return f'<tr class="hunk"><td colspan="{columns}"><span class="openers">{"".join(links)}</span>{heading}</td></tr>'


def _opener(gap: Gap, first: int, last: int, words: str, layout: Layout, around: Surroundings) -> str:  # noqa: PLR0913, PLR0917 - what it opens, in which place
    link = escape(around.link_with(first, last))
    part = escape(f"{around.link(written([(first, last)]))}&part=gap&gap={gap.new}-{gap.last}")
    label = escape(f"Show lines {first} to {last}")
    return (
        f'<a href="{link}#{layout.anchor}R{first}" hx-get="{part}" hx-target="closest tr" hx-swap="outerHTML"'
        f' aria-label="{label}">{words}</a>'
    )
