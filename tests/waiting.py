"""Several on connections of their own who all wait for a row that somebody holds."""

from __future__ import annotations

import time
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.db.models import QuerySet

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
LONGEST = 20.0  # seconds


@contextmanager
def at_once(rows: QuerySet[Any], *acts: Callable[[], object]) -> Iterator[None]:
    """Hold the rows until every act waits for a lock, run the block, let go, and wait for all; raise what failed."""
    failed: list[Exception] = []

    def run(act: Callable[[], object]) -> None:
        try:
            act()
        except Exception as error:  # noqa: BLE001 - raised below
            failed.append(error)
        finally:
            connection.close()

    threads = [Thread(target=run, args=[act]) for act in acts]
    with transaction.atomic():
        assert list(rows.select_for_update(of=("self",)))
        for thread in threads:
            thread.start()
        _wait_for(len(acts))
        yield
    for thread in threads:
        thread.join()
    for error in failed:
        raise error


def _wait_for(count: int) -> None:
    until = time.monotonic() + LONGEST
    with connection.cursor() as cursor:
        while time.monotonic() < until:
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(WAITING)
            if cursor.fetchone()[0] >= count:
                return
            time.sleep(0.02)
    raise AssertionError(f"{count} should wait for the row by now.")
