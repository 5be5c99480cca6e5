"""Text search by trigrams. PostgreSQL only, and only where the extension may be created: without it search is slower."""

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
        for name in INDEXES:
            schema_editor.execute(f"DROP INDEX IF EXISTS {name}")


class Migration(migrations.Migration):
    dependencies = [("remediation", "0013_devices")]

    operations = [migrations.RunPython(create, drop)]
