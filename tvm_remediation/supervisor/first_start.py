"""What must be true of database and static files before the web server starts; does only what has changed."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

from .refusal import Refused

Say = Callable[[str], None]


def bring_database_up_to_date(say: Say) -> None:
    if has_unapplied_migrations():
        say("Migrating the database ...")
        call_command("migrate", interactive=False, verbosity=0)


def has_unapplied_migrations() -> bool:
    try:
        executor = MigrationExecutor(connection)
    except OperationalError as problem:
        raise Refused(f"The database cannot be reached: {str(problem).strip()}") from None
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def collect_static_files(say: Say) -> None:
    """Collect, hash and compress them when a file, or what serves them, is another than at the last time."""
    known = Path(settings.DATA_DIR) / "static.fingerprint"
    fingerprint = static_fingerprint()
    collected = (Path(settings.STATIC_ROOT) / "staticfiles.json").exists()
    if collected and known.exists() and known.read_text() == fingerprint:
        return
    say("Collecting the static files ...")
    known.unlink(missing_ok=True)
    call_command("collectstatic", interactive=False, verbosity=0, clear=True)
    known.write_text(fingerprint)


def static_fingerprint() -> str:
    """Of names, sizes and times only: reading some hundred files would cost more than it tells."""
    digest = hashlib.sha256(repr(settings.STORAGES["staticfiles"]).encode())
    for finder in get_finders():
        for name, storage in finder.list(None):
            state = Path(storage.path(name)).stat()
            digest.update(f"{name} {state.st_size} {state.st_mtime_ns}\n".encode())
    return digest.hexdigest()
