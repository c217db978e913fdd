"""How long the database may take to answer what strangers make up."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.db import OperationalError, connection, transaction
from psycopg2.errors import QueryCanceled

from contributions.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 900  # milliseconds


@contextmanager
def in_time() -> Iterator[None]:
    """A search that keeps the database busy is given up. Raises Invalid then."""
    nested = connection.in_atomic_block
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = %s", [PATIENCE])
            yield
            if nested:
                cursor.execute("SET LOCAL statement_timeout = DEFAULT")
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise Invalid("This search takes too long. Add a word or a filter.", field="q") from None
        raise
