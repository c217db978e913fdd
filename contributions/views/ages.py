"""How long ago something was, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

UNITS = ((60, "second"), (60, "minute"), (24, "hour"), (30, "day"), (12, "month"), (10_000, "year"))


def age(moment: datetime, now: datetime) -> str:
    """Such as "3 days ago"."""
    count = max((now - moment).total_seconds(), 0)
    for size, unit in UNITS:
        if count < size:
            number = int(count)
            return "just now" if unit == "second" else f"{number} {unit}{'' if number == 1 else 's'} ago"
        count /= size
    return "long ago"
