"""The history cannot be emptied either, and names that are given up are kept."""

from django.db import migrations

GUARD = """
CREATE TRIGGER event_is_never_emptied BEFORE TRUNCATE ON contributions_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_history();

CREATE FUNCTION keep_former_name() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    given_up text := to_jsonb(OLD) ->> TG_ARGV[1];
BEGIN
    IF TG_OP = 'DELETE' OR given_up IS DISTINCT FROM to_jsonb(NEW) ->> TG_ARGV[1] THEN
        INSERT INTO contributions_formername (kind, name) VALUES (TG_ARGV[0], lower(given_up)) ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END $$;
"""
UNGUARD = """
DROP TRIGGER event_is_never_emptied ON contributions_event;
DROP FUNCTION keep_former_name() CASCADE;
"""
NAMED = [("person", "person", "username"), ("organisation", "organisation", "slug"), ("component", "component", "slug")]
KEEPERS = "".join(
    f"CREATE TRIGGER {table}_name_is_kept AFTER DELETE OR UPDATE OF {column} ON contributions_{table}"
    f" FOR EACH ROW EXECUTE FUNCTION keep_former_name('{kind}', '{column}');\n"
    for table, kind, column in NAMED
)


class Migration(migrations.Migration):
    dependencies = [("contributions", "0003_trust")]
    operations = [migrations.RunSQL(GUARD + KEEPERS, UNGUARD)]
