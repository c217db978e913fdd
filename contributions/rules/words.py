"""How the rules speak: dates, lists and counts."""

from __future__ import annotations

from datetime import UTC, datetime

TOLD_AT_MOST = 5  # things in one sentence


def moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%d %b %Y, %H:%M} UTC".lstrip("0")


def either(names: tuple[str, ...]) -> str:
    return _joined(names, "or")


def both(names: tuple[str, ...]) -> str:
    return _joined(names, "and")


def _joined(names: tuple[str, ...], word: str) -> str:
    *most, last = names
    return f"{', '.join(most)} {word} {last}" if most else last


def some_sentences(told: list[str]) -> str:
    """The first few of many."""
    more = len(told) - TOLD_AT_MOST
    return " ".join(told[:TOLD_AT_MOST] + ([f"And {more} more."] if more > 0 else []))


def some_names(names: tuple[str, ...]) -> str:
    more = len(names) - TOLD_AT_MOST
    quoted = tuple(f"“{name}”" for name in names[:TOLD_AT_MOST])
    return both((*quoted, f"{more} more") if more > 0 else quoted)


def days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"


def approvals(count: int) -> str:
    return "1 maintainer approves it" if count == 1 else f"{count} maintainers approve it"


def cool_down(count: int) -> str:
    passed = "1 day passes" if count == 1 else f"{count} days pass"
    return f"{passed} if it is a newcomer's work, or if its author's account or organisation changed hands"
