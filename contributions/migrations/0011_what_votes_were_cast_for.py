from django.db import migrations

# A vote of before was cast for the newest revision that had been received then.
VOTES = """
UPDATE contributions_vote AS vote SET revision_id = (
    SELECT id FROM contributions_revision AS revision
    WHERE revision.contribution_id = vote.contribution_id
      AND revision.state = 'received' AND revision.finished_at <= vote.cast_at
    ORDER BY number DESC LIMIT 1
) WHERE revision_id IS NULL
"""
# What counted by its patch id goes on doing so. It is for votes and reports: approvals ask for more.
CARRIES = """
UPDATE contributions_revision AS current SET carries = earlier.carries FROM (
    SELECT newer.id, jsonb_object_agg(older.number::text, 'same') AS carries
    FROM contributions_contribution AS contribution
    JOIN contributions_revision AS newer ON newer.id = contribution.current_id
    JOIN contributions_revision AS older ON older.contribution_id = contribution.id
     AND older.number < newer.number AND older.state = 'received'
     AND older.fingerprint <> '' AND older.fingerprint = newer.fingerprint
    GROUP BY newer.id
) AS earlier WHERE current.id = earlier.id AND current.carries = '{}'::jsonb
"""


class Migration(migrations.Migration):
    """Evidence follows content: which revision each vote was of, and which revisions are alike."""

    dependencies = [("contributions", "0010_content_version")]
    operations = [
        migrations.RunSQL(VOTES, migrations.RunSQL.noop),
        migrations.RunSQL(CARRIES, migrations.RunSQL.noop),
    ]
