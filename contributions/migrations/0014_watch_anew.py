"""Watch every table and column that pages show, those that came since 0010 too; see models/content.py."""

from django.db import migrations

UNSHOWN = {
    "ApiToken", "Builder", "Delivery", "Download", "Environment", "Follow", "IndexFile", "Invitation", "Letter",
    "LogPiece", "Mailing", "Notification", "SavedSearch", "Seal", "Telling", "Unread", "UpstreamFetch", "Viewed",
    "Webhook",
    "ContentStep", "ContentCount",
    "Carried", "Forecast", "Fork",
}
SILENT = {"lease", "lease_until", "attempts", "queued_at", "rung_at", "last_login", "password"}


def watch(apps, editor):
    for model in apps.get_app_config("contributions").get_models(include_auto_created=True):
        if model.__name__ not in UNSHOWN:
            columns = [field for field in model._meta.concrete_fields if field.name not in SILENT]
            silent = len(columns) < len(model._meta.concrete_fields)
            of = " OF " + ", ".join(f'"{field.column}"' for field in columns if not field.generated) if silent else ""
            editor.execute(f'DROP TRIGGER IF EXISTS content_is_changed ON "{model._meta.db_table}"')
            editor.execute(
                f'CREATE TRIGGER content_is_changed AFTER INSERT OR DELETE OR UPDATE{of} ON "{model._meta.db_table}"'
                " FOR EACH STATEMENT EXECUTE FUNCTION note_content_step()"
            )


class Migration(migrations.Migration):
    dependencies = [("contributions", "0013_living_matrix")]
    operations = [migrations.RunPython(watch, migrations.RunPython.noop)]
