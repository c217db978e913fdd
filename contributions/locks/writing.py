"""JSON in the one form that it is written in."""

from __future__ import annotations

import json
from typing import Any


def canonical(value: Any) -> bytes:
    """Sorted keys, two blanks a level, UTF-8 and a line's end: people read it, `diff` shows it, equal is equal."""
    return (json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False, indent=2) + "\n").encode()
