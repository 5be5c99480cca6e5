"""PostgreSQL only: text search by trigrams, and room for the updates of a sync.

Without the right to create the extension there is no trigram index, and search is slower.
"""

import logging

from django.db import DatabaseError, migrations, transaction

log = logging.getLogger(__name__)

# Django writes `icontains` as UPPER(column::text) LIKE UPPER(...).
INDEXES = {
    "device_name_trigrams": ("remediation_device", "name"),
    "activity_title_trigrams": ("remediation_remediationactivity", "title"),
}


def create(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    # A device's "last seen" moves with each sync. With room on the page the row moves within it and no index is touched.
    schema_editor.execute("ALTER TABLE remediation_device SET (fillfactor = 60)")
    try:
        with transaction.atomic(using=schema_editor.connection.alias):
            schema_editor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
            for name, (table, column) in INDEXES.items():
                schema_editor.execute(
                    f"CREATE INDEX IF NOT EXISTS {name} ON {table} USING gin (UPPER({column}::text) gin_trgm_ops)"
                )
    except DatabaseError as problem:
        log.warning("Search without a trigram index: %s", problem)


def drop(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE remediation_device RESET (fillfactor)")
        for name in INDEXES:
            schema_editor.execute(f"DROP INDEX IF EXISTS {name}")


class Migration(migrations.Migration):
    dependencies = [("remediation", "0013_devices")]

    operations = [migrations.RunPython(create, drop)]
