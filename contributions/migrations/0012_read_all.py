from django.db import migrations


class Migration(migrations.Migration):
    """Everything that was there before is read, so that it can be found by all its words."""

    dependencies = [("contributions", "0011_what_votes_were_cast_for")]
    operations = [
        migrations.RunSQL(
            "INSERT INTO contributions_unread (contribution_id) SELECT id FROM contributions_contribution",
            migrations.RunSQL.noop,
        ),
    ]
