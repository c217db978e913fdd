"""Numbers in the query of an address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contributions.errors import Invalid

if TYPE_CHECKING:
    from django.http import HttpRequest

LONGEST = 8  # digits; nothing here has more


def natural(request: HttpRequest, name: str) -> int | None:
    """None when it is not given; raises Invalid for what is no number from 0."""
    word = request.GET.get(name, "")
    if not word:
        return None
    if not (word.isascii() and word.isdigit() and len(word) <= LONGEST):
        raise Invalid(f"{name} is a number from 0.")
    return int(word)
