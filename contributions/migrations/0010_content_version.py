"""Every change of what pages show adds a step in its own transaction; see models/content.py."""

from django.db import migrations

UNSHOWN = {
    "ApiToken", "Builder", "Delivery", "Download", "Environment", "Follow", "IndexFile", "Invitation", "Letter",
    "LogPiece", "Mailing", "Notification", "SavedSearch", "Seal", "Telling", "Unread", "UpstreamFetch", "Viewed",
    "Webhook",
    "ContentStep", "ContentCount",
}
SILENT = {"lease", "lease_until", "attempts", "queued_at", "rung_at", "last_login", "password"}
FUNCTION = """
CREATE FUNCTION note_content_step() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO contributions_contentstep DEFAULT VALUES;
    RETURN NULL;
END $$;
INSERT INTO contributions_contentcount (id, steps) VALUES (1, 0) ON CONFLICT DO NOTHING;
"""
UNDO = "DROP FUNCTION note_content_step() CASCADE;"


def watch(apps, editor):
    for model in apps.get_app_config("contributions").get_models(include_auto_created=True):
        if model.__name__ not in UNSHOWN:
            columns = [field for field in model._meta.concrete_fields if field.name not in SILENT]
            silent = len(columns) < len(model._meta.concrete_fields)
            of = " OF " + ", ".join(f'"{field.column}"' for field in columns if not field.generated) if silent else ""
            editor.execute(
                f'CREATE TRIGGER content_is_changed AFTER INSERT OR DELETE OR UPDATE{of} ON "{model._meta.db_table}"'
                " FOR EACH STATEMENT EXECUTE FUNCTION note_content_step()"
            )


class Migration(migrations.Migration):
    dependencies = [("contributions", "0006_community")]
    operations = [
        migrations.RunSQL(FUNCTION, UNDO),
        migrations.RunPython(watch, migrations.RunPython.noop),
    ]
