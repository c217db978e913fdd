"""Both sides of what conflicts, as rows of tables: what the release made of the lines, beside what the patch does."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _

from contributions.markup import reveal_code
from contributions.models.forges import commit_address
from contributions.patches import Line
from contributions.patches.words import Effort

from .diffs import KINDS, anchor_of, shown_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from contributions.models import Fit

    from .diffs import Shown

MOST_HUNKS, MOST_LINES = 30, 1500  # on a page; REST has all that are kept
MOST_PAIRS = 10_000  # of lines held against each other; beyond, the one stretch stands whole in place of the other
# What conflicts in a file where no lines are shown.
WORDS = {
    "added-twice": _("Both the release and the patch add this file, and not the same one."),
    "gone-here": _("The release has no such file any more; the patch changes it."),
    "gone-there": _("The patch deletes this file; upstream has changed it since."),
    "moved": _("The release and the patch put this file at different places."),
    "binary": _("A binary file, which both changed."),
    "large": _("A file too large to be shown, which both changed."),
    "slow": _("What conflicts in it could not be found in reasonable time."),
    "link": _("A symbolic link, or what was one; both sides changed it."),
    "submodule": _("A commit of another repository; both sides chose another one."),
    "mode": _("The lines go together; what does not is the file's mode, or where it was moved to."),
}


@dataclass(frozen=True)
class ShownHunk:
    place: int  # the line in the release
    ours: SafeString
    theirs: SafeString
    cut: int  # lines that are not shown


@dataclass(frozen=True)
class ShownClash:
    """One file; `blame` has the words of the fit about it, and `page` where upstream shows that commit."""

    path: str
    anchor: str
    words: str
    count: int
    hunks: Sequence[ShownHunk]
    blame: Mapping[str, str] | None
    page: str

    @property
    def left(self) -> int:
        return self.count - len(self.hunks)


def shown_clashes(fit: Fit, upstream_url: str) -> list[ShownClash]:
    """Every conflicting file with what is known of it: before the reason is found, its path alone."""
    files = {str(file["path"]): file for file in fit.clashes}
    blames = {str(blame["path"]): blame for blame in fit.blame}
    room, effort, done = _Room(), Effort(), []
    for path in dict.fromkeys([*files, *map(str, fit.conflicts)]):
        known, blame = files.get(path, {}), blames.get(path)
        hunks = [shown_hunk(hunk, path, effort) for hunk in room.taken(known.get("hunks", []))]
        words, count = WORDS.get(str(known.get("how")), ""), int(known.get("count", 0))
        page = commit_address(upstream_url, str(blame["commit"])) if blame else ""
        done.append(ShownClash(reveal_code(path), anchor_of(path), str(words), count, hunks, blame, page))
    return done


class _Room:
    """How much of all hunks a page still bears."""

    def __init__(self) -> None:
        self.hunks, self.lines = MOST_HUNKS, MOST_LINES

    def taken(self, hunks: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """The first ones; whatever its size, the very first of a page."""
        for hunk in hunks:
            lines = sum(len(hunk[side]["lines"]) for side in ("base", "base", "ours", "theirs"))
            if not self.hunks or (lines > self.lines and self.hunks < MOST_HUNKS):
                return
            self.hunks, self.lines = self.hunks - 1, self.lines - lines
            yield hunk


def shown_hunk(hunk: dict[str, Any], path: str, effort: Effort) -> ShownHunk:
    sides = {name: _rows(hunk, hunk[name], path, effort) for name in ("ours", "theirs")}
    cut = sum(int(hunk[name]["cut"]) for name in ("base", "ours", "theirs"))
    return ShownHunk(int(hunk["ours"]["start"]), sides["ours"], sides["theirs"], cut)


def _rows(hunk: dict[str, Any], side: dict[str, Any], path: str, effort: Effort) -> SafeString:
    """What one side made of the base; the numbers are those of the lines on that side."""
    lines = list(_lines(hunk, side))
    return mark_safe("".join(map(_row, shown_lines(lines, path, effort))))  # noqa: S308 - shown_lines escapes


def _row(shown: Shown) -> str:
    line, html = shown
    number = "" if line.new_no is None else line.new_no
    sign = f'<span class="sign">{line.kind}</span>'
    return f'<tr class="{KINDS[line.kind]}"><td class="number">{number}</td><td class="code">{sign}{html}</td></tr>'


def _lines(hunk: dict[str, Any], side: dict[str, Any]) -> Iterator[Line]:
    old, new = (_bytes(lines) for lines in (hunk["base"]["lines"], side["lines"]))
    before, after = _bytes(hunk["before"]), _bytes(hunk["after"])
    at = int(side["start"])
    for place, text in enumerate(before, at - len(before)):
        yield Line(" ", place, place, text)
    for tag, first, last, start, end in _steps(old, new):
        if tag == "equal":
            yield from (Line(" ", at + place, at + place, new[place]) for place in range(start, end))
            continue
        yield from (Line("-", at + place, None, old[place]) for place in range(first, last))
        yield from (Line("+", None, at + place, new[place]) for place in range(start, end))
    for place, text in enumerate(after, at + len(new) + int(side["cut"])):
        yield Line(" ", place, place, text)


def _steps(old: Sequence[bytes], new: Sequence[bytes]) -> Sequence[tuple[str, int, int, int, int]]:
    if len(old) * len(new) > MOST_PAIRS:
        return [("replace", 0, len(old), 0, len(new))]
    return SequenceMatcher(None, old, new, autojunk=False).get_opcodes()


def _bytes(lines: Sequence[str]) -> list[bytes]:
    return [line.encode("utf-8", "replace") for line in lines]
