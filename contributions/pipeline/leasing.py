"""Holding a claimed row while the work goes on: a thread renews the lease, and says when it was lost."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Protocol

from django.conf import settings
from django.db import DatabaseError, connection

from contributions.errors import LeaseLost

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from contributions.models.work import Work

log = logging.getLogger(__name__)


class Renewable(Protocol):
    def renew(self) -> bool: ...


class Lease:
    """`is_held` turns False for ever when another worker took the row, or when nobody could tell for a whole lease."""

    def __init__(self, work: Renewable) -> None:
        self._work = work
        self._renewed_at = time.monotonic()
        self._over = threading.Event()
        self._lost = threading.Event()

    def is_held(self) -> bool:
        """Also False when the last answer of the database is a whole lease old: another may have the row by now."""
        return not self._lost.is_set() and time.monotonic() - self._renewed_at < settings.LEASE_SECONDS

    def end(self) -> None:
        self._over.set()

    def renew_until_over(self) -> None:
        try:
            while not self._over.wait(settings.LEASE_RENEW_SECONDS) and self._renewed():
                pass
        finally:
            connection.close()

    def _renewed(self) -> bool:
        for _ in range(max(settings.LEASE_SECONDS // settings.LEASE_RENEW_SECONDS - 1, 1)):
            asked_at = time.monotonic()
            try:
                held = self._work.renew()
            except DatabaseError as error:
                log.warning("Could not renew the lease of %s: %s", self._work, error)
                connection.close()
                self._over.wait(settings.LEASE_RENEW_SECONDS)
                continue
            if held:
                self._renewed_at = asked_at
            else:
                self._lost.set()
            return held
        self._lost.set()
        return False


@contextmanager
def leased(work: Work) -> Iterator[Lease]:
    """Renew the lease of `work` until the block ends.

    LeaseLost on recording the result ends the block quietly: another worker's result counts, ours is dropped. What
    the operating system refuses (a full disk, no more processes) is our trouble: the work is put back.
    """
    with _leased(work, [work]) as lease:
        yield lease


@contextmanager
def leased_together(works: Sequence[Work]) -> Iterator[Lease]:
    """The same for rows of one kind, by one thread: each keeps its own lease, and those that are over have none."""
    with _leased(_Together(works), works) as lease:
        yield lease


class _Together:
    def __init__(self, works: Sequence[Work]) -> None:
        self._works = works

    def __str__(self) -> str:
        return f"{len(self._works)} rows, {self._works[0]} first"

    def renew(self) -> bool:
        return self._works[0].renew_with(self._works)


@contextmanager
def _leased(held: Renewable, works: Sequence[Work]) -> Iterator[Lease]:
    lease = Lease(held)
    thread = threading.Thread(target=lease.renew_until_over, name=f"lease of {works[0].pk}", daemon=True)
    thread.start()
    try:
        yield lease
    except LeaseLost as lost:
        log.warning("Dropped the result of %s: %s", held, lost)
    except OSError as problem:
        log.exception("%s could not be worked on", held)
        for work in (work for work in works if not work.is_over):
            with suppress(LeaseLost):
                work.put_back(f"The worker could not do it: {problem.strerror or problem}.")
    finally:
        lease.end()
        thread.join()
