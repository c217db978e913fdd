"""Small pieces of a page that rows written in Python and templates share: an icon, a state, a time."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING

from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html

from contributions.models import Fit

from .ages import age, exact

if TYPE_CHECKING:
    from datetime import datetime

    from django.utils.safestring import SafeString


@cache
def _sprite() -> str:
    return static("vendor/icons.svg")


@cache
def icon(name: str) -> SafeString:
    """A picture beside a word; it says nothing that the word does not."""
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>', _sprite(), name)


@lru_cache(maxsize=500)  # labels are few; a word from outside may be any
def state(word: str, label: str = "") -> SafeString:
    """A state in words, with a colour for the quick eye."""
    return format_html('<span class="state" data-state="{}">{}</span>', word, (label or word.replace("-", " ")).lower())


GLYPHS = {
    "applies": "check", "merges": "git-merge", "upstream": "arrow-up", "probably-upstream": "user",
    "no-base": "circle-dashed", "conflicts": "x", "not-for-this-tree": "package",
    "queued": "clock", "running": "timer", "errored": "circle-alert", "": "circle-dashed",
}  # fmt: skip


def fit_mark(fit: Fit | str | None, href: str = "", words: str = "") -> SafeString:
    """How a patch meets a release, as a picture, a colour and a word; a link to the reason where there is an address.

    `fit` may also be a state alone, or nothing where nobody has tried.
    """
    state = fit if isinstance(fit, str) else fit.state if fit else ""
    label = words or (fit.word if isinstance(fit, Fit) else str(Fit.WORDS.get(state, "")))
    return _fit_mark(state, label, href)


@lru_cache(maxsize=500)  # as above
def _fit_mark(state: str, label: str, href: str) -> SafeString:
    inside = format_html('{}<span class="fit-word">{}</span>', icon(GLYPHS[state]), label)
    if href:
        return format_html('<a class="fit" data-state="{}" href="{}">{}</a>', state, href, inside)
    return format_html('<span class="fit" data-state="{}">{}</span>', state, inside)


def commit_link(commit: str, page: str = "") -> SafeString:
    """A commit of upstream by the beginning of its id, with a link to where upstream shows it."""
    if page:
        return format_html('<a href="{}" rel="nofollow"><code>{}</code></a>', page, commit[:10])
    return format_html('<code title="{}">{}</code>', commit, commit[:10])


def when(moment: datetime | None) -> SafeString | str:
    """How long ago it was; the exact time on pointing at it and for machines."""
    if moment is None:
        return ""
    shape = '<time datetime="{}" title="{}">{}</time>'
    return format_html(
        shape, moment.isoformat(timespec="seconds"), " ".join(exact(moment)), age(moment, timezone.now())
    )
