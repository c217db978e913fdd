"""Several who do the same at the same moment."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from django.db import connection

from contributions.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable


def at_once(count: int, act: Callable[[], Any]) -> list[Any]:
    """What each of them got, or the sentence that refused it."""
    told: list[Any] = []

    def press() -> None:
        try:
            told.append(act())
        except Refusal as refusal:
            told.append(refusal.sentence)
        finally:
            connection.close()

    threads = [threading.Thread(target=press) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return told
