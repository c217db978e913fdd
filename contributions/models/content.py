"""The version of all that pages show: a number that is another one as soon as anything shown was changed.

Triggers add a `ContentStep` in the transaction of each change; nothing is ever locked for it. PostgreSQL makes
transactions visible one after the other, so the count of steps that a reader sees grows with each of them, also when
they commit in another order than they began. A sequence or a highest key would not do: both can run ahead of a change
that is not committed yet.
"""

from __future__ import annotations

from django.db import connection, models

# Tables whose changes no kept page shows; every other table of the portal has the trigger.
UNSHOWN = frozenset(
    {
        "ApiToken", "Builder", "Delivery", "Download", "Environment", "Follow", "IndexFile", "Invitation", "Letter",
        "LogPiece", "Mailing", "Notification", "SavedSearch", "Seal", "Telling", "Unread", "UpstreamFetch", "Viewed",
        "Webhook", "ContentStep", "ContentCount", "Fork", "Carried", "Forecast", "Settlement",
    }
)  # fmt: skip
# Columns that are written while nothing that is shown changes: leases, and when somebody was last here.
SILENT = frozenset({"lease", "lease_until", "attempts", "queued_at", "rung_at", "last_login", "password"})


class ContentStep(models.Model):
    """One change that was committed."""

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"step {self.pk}"


class ContentCount(models.Model):
    """How many steps were folded away; one row at most."""

    steps = models.PositiveBigIntegerField(default=0)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.steps} steps"


COUNTS, STEPS = (model._meta.db_table for model in (ContentCount, ContentStep))
VERSION = f'SELECT (SELECT COALESCE(SUM(steps), 0) FROM "{COUNTS}") + (SELECT COUNT(*) FROM "{STEPS}")'  # noqa: S608 - our own names
FOLD = f"""
    WITH gone AS (DELETE FROM "{STEPS}" RETURNING 1), told AS (SELECT COUNT(*) AS number FROM gone),
    kept AS (INSERT INTO "{COUNTS}" AS counted (id, steps) SELECT 1, number FROM told
             ON CONFLICT (id) DO UPDATE SET steps = counted.steps + EXCLUDED.steps)
    SELECT number FROM told
"""  # noqa: S608 - our own names


def content_version() -> int:
    """One statement, so one snapshot: whoever sees a change sees another number than before it."""
    with connection.cursor() as cursor:
        cursor.execute(VERSION)
        return int(cursor.fetchone()[0])


def fold_steps() -> int:
    """Keep the table of steps short; the version stays what it was. Return how many were folded."""
    with connection.cursor() as cursor:
        cursor.execute(FOLD)
        return int(cursor.fetchone()[0])
