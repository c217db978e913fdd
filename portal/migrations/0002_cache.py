"""The table of the shared cache, as `createcachetable` makes it; unlogged, for its rows may be lost in a crash."""

from django.db import migrations

MAKE = """
CREATE UNLOGGED TABLE portal_cache (
    cache_key varchar(255) PRIMARY KEY,
    value text NOT NULL,
    expires timestamp with time zone NOT NULL
);
CREATE INDEX portal_cache_expires ON portal_cache (expires);
"""


class Migration(migrations.Migration):
    dependencies = [("portal", "0001_initial")]
    operations = [migrations.RunSQL(MAKE, "DROP TABLE portal_cache")]
