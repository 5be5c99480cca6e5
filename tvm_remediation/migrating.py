"""Migrations that a kill cannot leave half done: what a migration does, and that it was done, are one transaction.

Django writes down afterwards that a migration with foreign keys or indexes of new tables was done. Killed in between,
the upgrade would find its tables there already and never go on.
"""

from typing import Any

from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor


class WholeMigrations(MigrationExecutor):
    def apply_migration(self, state: Any, migration: Migration, fake: bool = False, fake_initial: bool = False) -> Any:
        if fake or fake_initial or not migration.atomic:
            return super().apply_migration(state, migration, fake=fake, fake_initial=fake_initial)
        self._say("apply_start", migration)
        with self.connection.schema_editor(atomic=True) as editor:
            state = migration.apply(state, editor)
            # The editor would do this at its end, after which nothing more could be in the same transaction.
            while editor.deferred_sql:
                editor.execute(editor.deferred_sql.pop(0), None)
            self.record_migration(migration)  # type: ignore[call-arg, arg-type]
        self._say("apply_success", migration)
        return state

    def _say(self, what: str, migration: Migration) -> None:
        if self.progress_callback:
            self.progress_callback(what, migration, False)
