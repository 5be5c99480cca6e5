"""The tables that the statements name, and how a statement is run on either database."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from django.db import connection

from .. import scoring
from ..models import (
    ActivityDevice,
    Device,
    DeviceGroup,
    DeviceScore,
    Event,
    EventCount,
    Exposure,
    ExposureChange,
    FreshLink,
    PublicationSum,
    PublishedDevice,
    Recommendation,
    RecommendationCounter,
    RecommendationException,
    RemediationActivity,
    ScoreMove,
    ScoreSnapshot,
    Software,
    SoftwareCounter,
    SoftwareVersion,
    VersionCounter,
    Weakness,
    WeaknessCounter,
)

# Sums of floats differ in the last digits with the order of adding; less than this is no change.
NO_CHANGE = 1e-9

TABLES = {
    "activity": RemediationActivity._meta.db_table,
    "activity_device": ActivityDevice._meta.db_table,
    "change": ExposureChange._meta.db_table,
    "counter": RecommendationCounter._meta.db_table,
    "device": Device._meta.db_table,
    "device_group": DeviceGroup._meta.db_table,
    "device_score": DeviceScore._meta.db_table,
    "event": Event._meta.db_table,
    "event_count": EventCount._meta.db_table,
    "exception": RecommendationException._meta.db_table,
    "exception_group": RecommendationException.device_groups.through._meta.db_table,
    "exposure": Exposure._meta.db_table,
    "fresh_link": FreshLink._meta.db_table,
    "link": SoftwareVersion.weaknesses.through._meta.db_table,
    "move": ScoreMove._meta.db_table,
    "publication_sum": PublicationSum._meta.db_table,
    "published": PublishedDevice._meta.db_table,
    "recommendation": Recommendation._meta.db_table,
    "snapshot": ScoreSnapshot._meta.db_table,
    "software": Software._meta.db_table,
    "software_counter": SoftwareCounter._meta.db_table,
    "version": SoftwareVersion._meta.db_table,
    "version_counter": VersionCounter._meta.db_table,
    "weakness": Weakness._meta.db_table,
    "weakness_counter": WeaknessCounter._meta.db_table,
}
# What the two databases call the same.
_SPELLINGS = {
    "sqlite": {"greatest": "MAX", "least": "MIN", "joined": "group_concat(e.version_id)"},
    "postgresql": {"greatest": "GREATEST", "least": "LEAST", "joined": "string_agg(e.version_id::text, ',')"},
}
_BATCH = 5000


def run(statement: str, *parameters: float | str | date | None, **more: str) -> int:
    """Execute a statement in which {device} and the like stand for the tables; returns the rows it touched."""
    with connection.cursor() as cursor:
        # CREATE TABLE ... AS takes no bound parameters on PostgreSQL; psycopg binds on this side, as Django sets it up.
        cursor.execute(statement.format(**TABLES, **_SPELLINGS[connection.vendor], **more), parameters or None)
        return cursor.rowcount


def rows(statement: str, *parameters: float | str | date | None, **more: str) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement.format(**TABLES, **_SPELLINGS[connection.vendor], **more), parameters or None)
        return cursor.fetchall()


def score_of(risk: str) -> str:
    """E of an expression that says S."""
    return f"100.0 * {risk} / ({risk} + {scoring.HALF})"


def assigned(names: Iterable[str]) -> str:
    """Columns that take the values of `w`, which has the same."""
    return ", ".join(f"{name} = w.{name}" for name in names)


def differing(table: str, names: Iterable[str]) -> str:
    """Whether any of these numbers differs between a table and `w`, by more than rounding."""
    return " OR ".join(f"ABS({table}.{name} - w.{name}) > {NO_CHANGE}" for name in names)


def drop(*names: str) -> None:
    for name in names:
        run(f"DROP TABLE IF EXISTS {name}")


def fill(table: str, columns: tuple[str, ...], values: Iterable[tuple[Any, ...]]) -> None:
    """Insert rows from here, so many at a time."""
    marks = ", ".join(["%s"] * len(columns))
    left = list(values)
    with connection.cursor() as cursor:
        for start in range(0, len(left), _BATCH):
            statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608
            cursor.executemany(statement, left[start : start + _BATCH])
