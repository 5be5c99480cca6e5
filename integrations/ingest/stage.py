"""The staging tables: what one pass has read, before anyone sees it.

They outlive their process: with the rows of a page stands the place from which to go on, and whoever takes the stage
over finds both or neither. A process that was taken for dead can add nothing any more.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django.db import connection

from remediation.counters.tables import TABLES
from remediation.models import ActivityCount, ActivityDevice, ActivityWeakness, InstalledBeside, RemediationActivity

from .load import loader
from .tally import SyncLost

# What is read, and kept until it is applied. n numbers the machines, v the installed versions, w the weaknesses and c
# the settings of one pass; ids of rows come when they are applied.
READ = {
    "stage_owner": "run BIGINT, holder TEXT, tally TEXT",
    # How far a part was read: where to go on, and whether that was its last page.
    "stage_place": "part TEXT, bookmark TEXT, is_done INTEGER",
    "stage_machine": """n INTEGER, source_id TEXT, name TEXT, entra_device_id TEXT, os_platform TEXT, os_version TEXT,
        group_name TEXT, value TEXT, internet_facing BOOLEAN, first_seen_at {moment}, last_seen_at {moment},
        merged_to TEXT, is_duplicate INTEGER, merged_n INTEGER""",
    "stage_installation": "n INTEGER, v INTEGER",
    "stage_evidence": "n INTEGER, v INTEGER, disk_paths TEXT, registry_paths TEXT, security_update TEXT",
    # 0 not compliant, 1 compliant, 2 not applicable.
    "stage_configuration": "n INTEGER, c INTEGER, is_compliant INTEGER",
    # Devices of which a record could not be used, or that the list of machines lacks though others speak of them.
    "stage_held": "source_id TEXT",
    # What there are few of, as it was met.
    "stage_met_version": """v INTEGER, software TEXT, version TEXT, vendor TEXT, name TEXT, reference TEXT,
        disk_paths TEXT, registry_paths TEXT, security_update TEXT""",
    "stage_met_link": "v INTEGER, w INTEGER",
    "stage_met_weakness": "w INTEGER, name TEXT, severity TEXT, cvss DOUBLE PRECISION, exploit TEXT",
    "stage_met_setting": "c INTEGER, name TEXT",
    # Records that are kept whole, as JSON.
    "stage_record": "part TEXT, body TEXT",
}

_TABLES = TABLES | {
    "activity": RemediationActivity._meta.db_table,
    "activity_device": ActivityDevice._meta.db_table,
    "activity_weakness": ActivityWeakness._meta.db_table,
    "activity_count": ActivityCount._meta.db_table,
    "beside": InstalledBeside._meta.db_table,
}

# Rows for a staging table: its name, the columns, the rows.
Batch = tuple[str, tuple[str, ...], Iterable[tuple]]


@dataclass(frozen=True)
class Place:
    """How far a part was read."""

    bookmark: str = ""
    is_done: bool = False


def owner() -> int | None:
    """The run whose process died and left its stage behind."""
    found = loader().owner()
    return found[0] if found else None


class Stage:
    """The tables of one run. A context: what an earlier run left goes when it opens, and all of it when it closes."""

    def __init__(self, run: int) -> None:
        self._run = run
        self._holder = uuid4().hex
        self._loader = loader()
        self._made: set[str] = set()

    def __enter__(self) -> "Stage":
        if (self._loader.owner() or (None,))[0] == self._run:
            self._loader.open()
            self.run("UPDATE stage_owner SET holder = %s", self._holder)
            return self
        self._loader.clear()
        self._loader.open()
        for name, columns in READ.items():
            self.run(f"CREATE {self._loader.kept}{name} ({columns.format(moment=self.moment)})")
        self.run("INSERT INTO stage_owner (run, holder, tally) VALUES (%s, %s, '')", self._run, self._holder)
        return self

    def __exit__(self, *problem: object) -> None:
        self._loader.loaded()
        for name in self._made:
            self.run(f"DROP TABLE IF EXISTS {name}")
        is_mine = self._loader.owner() == (self._run, self._holder)
        self._loader.close()
        if is_mine:
            self._loader.clear()

    @property
    def moment(self) -> str:
        """The type of a column for times."""
        return "TEXT" if connection.vendor == "sqlite" else "TIMESTAMPTZ"

    @property
    def batch(self) -> int:
        return self._loader.batch

    def places(self) -> dict[str, Place]:
        """How far each part was read by whoever had the stage before."""
        return {
            part: Place(bookmark, bool(is_done))
            for part, bookmark, is_done in self.rows("SELECT part, bookmark, is_done FROM stage_place")
        }

    def kept_tally(self) -> dict[str, Any]:
        """What had been counted when the last page was put down; empty at a beginning."""
        found = self.rows("SELECT tally FROM stage_owner")[0][0]
        return json.loads(found) if found else {}

    def put(self, part: str, place: Place, batches: Iterable[Batch], tally: dict[str, Any]) -> None:
        """The rows of a page and the place after it: both or neither. Raises SyncLost."""
        with self._loader.writing():
            mine = "UPDATE stage_owner SET tally = ? WHERE holder = ?"
            if not self._loader.execute(mine, json.dumps(tally, default=str), self._holder):
                raise SyncLost("Another process has taken over what was read.")
            for table, columns, rows in batches:
                self._loader.append(table, columns, rows)
            self._loader.execute("DELETE FROM stage_place WHERE part = ?", part)
            self._loader.append(
                "stage_place", ("part", "bookmark", "is_done"), [(part, place.bookmark, int(place.is_done))]
            )

    def append(self, table: str, columns: tuple[str, ...], rows: Iterable[tuple]) -> None:
        with self._loader.writing():
            self._loader.append(table, columns, rows)

    def loaded(self, *tables: str) -> None:
        """Rows were put or appended; statements may join these tables now."""
        self._loader.loaded()
        self.analyze(*tables)

    def create(self, name: str, columns: str) -> None:
        self.run(f"DROP TABLE IF EXISTS {name}")
        self.run(f"CREATE {self._loader.prefix}{name} ({columns})")
        self._made.add(name)

    def create_as(self, name: str, select: str, *parameters: Any) -> int:
        """A table from a query; returns its number of rows."""
        self.run(f"DROP TABLE IF EXISTS {name}")
        self.run(f"CREATE {self._loader.prefix}{name} AS {select}", *parameters)
        self._made.add(name)
        return self.number(f"SELECT COUNT(*) FROM {name}")  # noqa: S608

    def create_numbered(self, name: str, columns: str) -> None:
        """A table with a column `id` that numbers the rows from 1."""
        self.create(name, f"id {self._loader.numbered}, {columns}")

    def index(self, table: str, columns: str) -> None:
        where = "stage." if connection.vendor == "sqlite" else ""
        self.run(f"CREATE INDEX IF NOT EXISTS {where}{table}_{columns.replace(', ', '_')} ON {table} ({columns})")

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
