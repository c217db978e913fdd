"""The cells of a matrix as they are written: a mark, how it builds, and the reason one press away."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote

from django.utils.html import format_html

from contributions.markup import reveal_code
from contributions.models import Build, Fit

from .marks import GLYPHS, fit_mark, icon

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

    from contributions.models.picture import Cell

BUILT = {
    Build.State.PASSED: ("builds", "hammer"),
    Build.State.FAILED: ("fails", "circle-x"),
    Build.State.TIMED_OUT: ("times out", "timer"),
    Build.State.QUEUED: ("to be built", "clock"),
    Build.State.RUNNING: ("being built", "clock"),
    Build.State.ERRORED: ("build errored", "circle-alert"),
}
MEANINGS = [(state, label) for state, label in Fit.State.choices if state in GLYPHS]


def address_of(cell: Cell) -> str:
    """Of the page that tells all about it."""
    of_a_port = f"?revision={cell.port}" if cell.port else ""
    return f"/contributions/{cell.number}/fits/{quote(cell.release.name)}/{of_a_port}"


def written(cell: Cell) -> SafeString:
    """A cell of the whole table: what is closed in it tells why."""
    if not cell.state:
        return format_html('<td class="cell">{}</td>', fit_mark(""))
    shape = (
        '<td class="cell"><details><summary>{}</summary><p class="note">{} <a href="{}">More</a></p></details>{}</td>'
    )
    return format_html(shape, _mark(cell), reveal_code(cell.why), address_of(cell), _built(cell.build))


def drawn(cell: Cell) -> SafeString:
    """A cell of the picture: the mark alone, which leads to the reason."""
    if not cell.state:
        return format_html('<td class="cell">{}</td>', fit_mark(""))
    words = reveal_code(f"{cell.release.name}: {cell.why}")
    shape = '<td class="cell"><a href="{}" title="{}">{}{}</a></td>'
    return format_html(shape, address_of(cell), words, _mark(cell), _built(cell.build))


def _mark(cell: Cell) -> SafeString:
    return fit_mark(cell.state, words=f"port v{cell.port}" if cell.port else "")


@lru_cache(maxsize=20)
def _built(state: str) -> SafeString | str:
    if state not in BUILT:
        return ""
    word, name = BUILT[Build.State(state)]
    return format_html('<span class="built" data-state="{}">{} {}</span>', state, icon(name), word)
