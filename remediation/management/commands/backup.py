"""A backup of the SQLite database while everything runs. For PostgreSQL, pg_dump is that."""

import os
import sqlite3
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection


class Command(BaseCommand):
    help = "Write a complete copy of the SQLite database into a new file, while everything runs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="the file to write, which must not be there yet")

    def handle(self, *args: Any, file: str, **options: Any) -> None:
        if connection.vendor != "sqlite":
            raise CommandError("This database is PostgreSQL's: use pg_dump, as docs/operations.md says.")
        path = Path(file).resolve()
        _make_empty(path)
        try:
            with connection.cursor() as cursor:
                cursor.execute("VACUUM INTO %s", [str(path)])
            _check(path)
        except Exception:
            path.unlink(missing_ok=True)
            raise
        self.stdout.write(f"{path} ({path.stat().st_size // 1024} KB)")


def _make_empty(path: Path) -> None:
    """For its owner only: it will hold the weak spots of the organisation."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        raise CommandError(f"{path} is there already. Name a new file.") from None
    except OSError as problem:
        raise CommandError(f"{path} cannot be written: {problem.strerror}.") from None


def _check(path: Path) -> None:
    copy = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        found = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
    finally:
        copy.close()
    if found != "ok":
        raise CommandError(f"{path} is no sound copy: {found}")
