"""What the database itself holds of the audit trail: it only grows. Sealing may fill its three columns, once.

Retention may delete from the beginning: what is older than three years and not beyond the checkpoint that it has set.

Triggers, for they bind the application's own role, which owns the tables. Whoever may drop a trigger can still forge
the trail; that shows by the seals, and by the chain's head in a log that is kept elsewhere.
"""

from typing import Any

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from .models import AuditCheckpoint, AuditEvent

# Whatever the settings say.
LEAST_DAYS = 3 * 365
_TABLE = AuditEvent._meta.db_table
_FILLED_BY_SEALING = ("sequence", "previous", "seal")
_REFUSED = "The audit trail only grows"
_TRIGGERS = (f"{_TABLE}_keeps_rows", f"{_TABLE}_is_not_emptied", f"{_TABLE}_is_not_changed")

_CHECKPOINT = f"(SELECT MAX(sequence) FROM {AuditCheckpoint._meta.db_table})"  # noqa: S608
_POSTGRESQL = f"""
CREATE OR REPLACE FUNCTION {_TABLE}_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.sequence IS NULL AND NEW.sequence IS NOT NULL
            AND to_jsonb(NEW) - ARRAY['sequence', 'previous', 'seal']
                = to_jsonb(OLD) - ARRAY['sequence', 'previous', 'seal']
        THEN
            RETURN NEW;
        END IF;
    ELSIF TG_OP = 'DELETE' THEN
        IF OLD.at < now() - interval '{LEAST_DAYS} days' AND OLD.sequence <= {_CHECKPOINT} THEN
            RETURN OLD;
        END IF;
    ELSIF TG_OP = 'TRUNCATE' THEN
        IF NOT EXISTS (SELECT FROM {_TABLE}) THEN
            RETURN NULL;
        END IF;
    END IF;
    RAISE EXCEPTION '{_REFUSED}: % is refused.', TG_OP USING ERRCODE = 'integrity_constraint_violation';
END
$$;
CREATE TRIGGER {_TRIGGERS[0]} BEFORE UPDATE OR DELETE ON {_TABLE}
    FOR EACH ROW EXECUTE FUNCTION {_TABLE}_guard();
CREATE TRIGGER {_TRIGGERS[1]} BEFORE TRUNCATE ON {_TABLE}
    FOR EACH STATEMENT EXECUTE FUNCTION {_TABLE}_guard();
"""


def guard(using: str = "default", **kwargs: Any) -> None:
    """Put the triggers in their place. After each migration, for one that rebuilds the table on SQLite loses them."""
    connection = connections[using]
    # Together: nobody finds the table between the old ones and the new.
    with transaction.atomic(using=using), connection.cursor() as cursor:
        _drop(connection, cursor)
        # After a migration to an older state there is nothing that the triggers could look at.
        if AuditCheckpoint._meta.db_table not in connection.introspection.table_names(cursor):
            return
        for statement in _statements(connection, cursor):
            cursor.execute(statement)


def unguard(using: str = "default") -> None:
    """Take them away, as only the owner of the tables can. Nothing in the product does."""
    with connections[using].cursor() as cursor:
        _drop(connections[using], cursor)


def _drop(connection: BaseDatabaseWrapper, cursor: CursorWrapper) -> None:
    if _TABLE not in connection.introspection.table_names(cursor):
        return
    on_table = f" ON {_TABLE}" if connection.vendor == "postgresql" else ""
    for name in _TRIGGERS:
        cursor.execute(f"DROP TRIGGER IF EXISTS {name}{on_table}")


def _statements(connection: BaseDatabaseWrapper, cursor: CursorWrapper) -> list[str]:
    if connection.vendor == "postgresql":
        return [_POSTGRESQL]
    columns = [column.name for column in connection.introspection.get_table_description(cursor, _TABLE)]
    same = " AND ".join(f'NEW."{name}" IS OLD."{name}"' for name in columns if name not in _FILLED_BY_SEALING)
    is_sealing = f"OLD.sequence IS NULL AND NEW.sequence IS NOT NULL AND {same}"
    # A migration that alters the table of checkpoints has to `unguard` first: SQLite renames no table while a trigger
    # looks for it.
    is_old = f"OLD.at < datetime('now', '-{LEAST_DAYS} days')"
    # Null, for an event that is not sealed or without a checkpoint, would let it go.
    is_before = f"COALESCE(OLD.sequence <= {_CHECKPOINT}, 0)"
    return [
        f"CREATE TRIGGER {_TRIGGERS[0]} BEFORE DELETE ON {_TABLE} WHEN NOT ({is_old} AND {is_before}) "
        f"BEGIN SELECT RAISE(ABORT, '{_REFUSED}: DELETE is refused.'); END",
        f"CREATE TRIGGER {_TRIGGERS[2]} BEFORE UPDATE ON {_TABLE} WHEN NOT ({is_sealing}) "
        f"BEGIN SELECT RAISE(ABORT, '{_REFUSED}: UPDATE is refused.'); END",
    ]
