"""What has to happen between a restored backup and the start: the rows are of then, the world is of now."""

from django.contrib.sessions.models import Session
from django.db import connection, transaction

from remediation.models import AuditEvent, RemediationActivity, Through, User

from .delivery.doubt import doubt_all
from .ingest.load import loader

# Addresses of activities stand in tickets and messages. Those given since the backup are not given again.
_SKIPPED = 100_000


def settle() -> int:
    """Run it once, with everything stopped. Returns the number of tickets that are looked for before they are sent."""
    loader().clear()
    with transaction.atomic():
        doubted = doubt_all()
        # Some had ended since, with a password or a role that counted no more.
        ended, _each = Session.objects.all().delete()
        _skip_activity_ids()
        about = ("records", "restore", "Restored backup")
        after = {"tickets looked for first": doubted, "sessions ended": ended}
        AuditEvent.objects.record_of(about, "restore", by=User.objects.system(), through=Through.COMMAND, after=after)
    return doubted


def _skip_activity_ids() -> None:
    table = RemediationActivity._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("UPDATE sqlite_sequence SET seq = seq + %s WHERE name = %s", [_SKIPPED, table])
        else:
            sequence = f"pg_get_serial_sequence('{table}', 'id')"
            cursor.execute(f"SELECT setval({sequence}, nextval({sequence}) + %s)", [_SKIPPED])
