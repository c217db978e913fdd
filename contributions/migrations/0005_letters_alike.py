from django.contrib.postgres.operations import BtreeGinExtension, TrigramExtension
from django.db import migrations


class Migration(migrations.Migration):
    """Extensions that come with PostgreSQL and that the owner of a database may add: words nearly spelled alike."""

    dependencies = [("contributions", "0004_history_and_names")]
    operations = [TrigramExtension(), BtreeGinExtension()]
