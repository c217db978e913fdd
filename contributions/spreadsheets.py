"""Tables for spreadsheets: CSV written line by line, in which no cell is taken for a formula."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

MEDIA_TYPE = "text/csv; charset=utf-8"
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what spreadsheets take for the start of one


class _Line:
    """What csv writes to: it hands each line on."""

    def write(self, text: str) -> str:
        return text


def written(head: Sequence[str], rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """The lines of a table, however many they are."""
    writer = csv.writer(_Line())
    yield writer.writerow([_cell(name) for name in head])
    for row in rows:
        yield writer.writerow([_cell(value) for value in row])


def _cell(value: Any) -> str:
    """As text; a quote before what a spreadsheet would calculate."""
    if value is None:
        return ""
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text
