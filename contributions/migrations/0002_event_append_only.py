"""The database itself refuses to change or delete a line of the history."""

from django.db import migrations

GUARD = """
CREATE FUNCTION refuse_to_change_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the history is append-only' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER event_is_append_only BEFORE UPDATE OR DELETE ON contributions_event
    FOR EACH ROW EXECUTE FUNCTION refuse_to_change_history();
"""
UNGUARD = """
DROP TRIGGER event_is_append_only ON contributions_event;
DROP FUNCTION refuse_to_change_history();
"""


class Migration(migrations.Migration):
    dependencies = [("contributions", "0001_initial")]
    operations = [migrations.RunSQL(GUARD, UNGUARD)]
