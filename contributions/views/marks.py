"""Small pieces of a page that rows written in Python and templates share: an icon, a state, a time."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING

from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html

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


def when(moment: datetime | None) -> SafeString | str:
    """How long ago it was; the exact time on pointing at it and for machines."""
    if moment is None:
        return ""
    shape = '<time datetime="{}" title="{}">{}</time>'
    return format_html(
        shape, moment.isoformat(timespec="seconds"), " ".join(exact(moment)), age(moment, timezone.now())
    )
