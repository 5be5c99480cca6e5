"""The staging tables: what one pass has read, before anyone sees it."""

from collections.abc import Iterable
from typing import Any

from django.db import connection

from remediation.counters import TABLES
from remediation.models import ActivityCount, ActivityDevice, ActivityWeakness, RemediationActivity, Software

from .load import loader

# n numbers the machines, v the installed versions, c the settings of one pass; ids of rows come when they are applied.
LOADED = {
    "stage_machine": """n INTEGER, source_id TEXT, name TEXT, entra_device_id TEXT, os_platform TEXT, os_version TEXT,
        group_name TEXT, value TEXT, internet_facing BOOLEAN, first_seen_at {moment}, last_seen_at {moment},
        merged_to TEXT, is_duplicate INTEGER, merged_n INTEGER""",
    "stage_installation": "n INTEGER, v INTEGER",
    # Devices of activities of which the export of software has a row.
    "stage_listed": "n INTEGER",
    "stage_evidence": "n INTEGER, v INTEGER, disk_paths TEXT, registry_paths TEXT, security_update TEXT",
    # 0 not compliant, 1 compliant, 2 not applicable.
    "stage_configuration": "n INTEGER, c INTEGER, is_compliant INTEGER",
    # Devices of which a record could not be used, or that the list of machines lacks though others speak of them.
    "stage_held": "source_id TEXT",
    # `place` orders all versions by risk, without ties.
    "stage_version": "v INTEGER, software_id BIGINT, version_id BIGINT, recommendation_id BIGINT, place INTEGER,"
    " has_weakness INTEGER, version TEXT",
    "stage_setting": "c INTEGER, recommendation_id BIGINT",
}

_TABLES = TABLES | {
    "software": Software._meta.db_table,
    "activity": RemediationActivity._meta.db_table,
    "activity_device": ActivityDevice._meta.db_table,
    "activity_weakness": ActivityWeakness._meta.db_table,
    "activity_count": ActivityCount._meta.db_table,
}


class Stage:
    """The tables of one pass. A context: what is left of an earlier pass goes when it opens, and all when it closes."""

    def __init__(self) -> None:
        self._loader = loader()
        self._made: list[str] = []

    def __enter__(self) -> "Stage":
        self._loader.open()
        for name, columns in LOADED.items():
            self.create(name, columns.format(moment=self.moment))
        return self

    def __exit__(self, *problem: object) -> None:
        self._loader.loaded()
        for name in self._made:
            self.run(f"DROP TABLE IF EXISTS {name}")
        self._loader.close()

    @property
    def moment(self) -> str:
        """The type of a column for times."""
        return "TEXT" if connection.vendor == "sqlite" else "TIMESTAMPTZ"

    @property
    def batch(self) -> int:
        return self._loader.batch

    def append(self, table: str, columns: tuple[str, ...], rows: Iterable[tuple]) -> None:
        self._loader.append(table, columns, rows)

    def loaded(self) -> None:
        """All is read; statements may join now."""
        self._loader.loaded()
        self.analyze(*LOADED)

    def create(self, name: str, columns: str) -> None:
        self.run(f"DROP TABLE IF EXISTS {name}")
        self.run(f"CREATE {self._loader.prefix}{name} ({columns})")
        self._made.append(name)

    def create_as(self, name: str, select: str, *parameters: Any) -> int:
        """A table from a query; returns its number of rows."""
        self.run(f"DROP TABLE IF EXISTS {name}")
        self.run(f"CREATE {self._loader.prefix}{name} AS {select}", *parameters)
        self._made.append(name)
        return self.number(f"SELECT COUNT(*) FROM {name}")  # noqa: S608

    def create_numbered(self, name: str, columns: str) -> None:
        """A table with a column `id` that numbers the rows from 1."""
        self.create(name, f"id {self._loader.numbered}, {columns}")

    def index(self, table: str, columns: str) -> None:
        where = "stage." if connection.vendor == "sqlite" else ""
        self.run(f"CREATE INDEX {where}{table}_{columns.replace(', ', '_')} ON {table} ({columns})")

    def analyze(self, *tables: str) -> None:
        for table in tables:
            self.run(f"ANALYZE {'stage.' if connection.vendor == 'sqlite' else ''}{table}")

    def run(self, statement: str, *parameters: Any) -> int:
        """Execute a statement in which {device} and the like stand for the tables; returns the rows it touched."""
        with connection.cursor() as cursor:
            cursor.execute(statement.format(**_TABLES, as_json=self._loader.as_json), parameters or None)
            return cursor.rowcount

    def number(self, statement: str, *parameters: Any) -> int:
        return self.rows(statement, *parameters)[0][0] or 0

    def rows(self, statement: str, *parameters: Any) -> list[tuple]:
        with connection.cursor() as cursor:
            cursor.execute(statement.format(**_TABLES), parameters or None)
            return cursor.fetchall()


def adapt(moment: Any) -> Any:
    """A time in the form in which the database keeps it."""
    return connection.ops.adapt_datetimefield_value(moment)
