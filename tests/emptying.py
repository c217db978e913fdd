"""Emptying the database after a test that commits: only rows go, where Django would make every table anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connection, transaction

if TYPE_CHECKING:
    from collections.abc import Callable

# What migrating wrote and no test changes; Django would empty these two and fill them again after every test.
KEPT = frozenset({"django_content_type", "auth_permission"})
# Whoever lags behind a test that is over is waited for, as TRUNCATE waits.
WAIT = "LOCK TABLE {} IN EXCLUSIVE MODE"
# No trigger hears of the rows that go, foreign keys' neither; only a superuser may ask for that.
QUIETLY = "SET LOCAL session_replication_role = replica"
DELETE = "DELETE FROM {}"
MAY_BE_QUIET = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"


def make_emptier() -> Callable[[], None] | None:
    """What deletes every row of every table, or None where the database does not let us."""
    with connection.cursor() as cursor:
        cursor.execute(MAY_BE_QUIET)
        if not cursor.fetchone()[0]:
            return None
    found = set(connection.introspection.django_table_names(only_existing=True, include_views=False))
    names = [connection.ops.quote_name(name) for name in sorted(found - KEPT)]
    statements = "; ".join([WAIT.format(", ".join(names)), QUIETLY, *map(DELETE.format, names)])

    def empty() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statements)

    return empty
