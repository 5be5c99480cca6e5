"""Django's own command; each migration and its record are one transaction, so that it can be killed at any time."""

from typing import Any

from django.core.management.commands import migrate

from tvm_remediation.migrating import WholeMigrations


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        # The one place from which Django takes its executor; it lets none be given.
        migrate.MigrationExecutor = WholeMigrations  # type: ignore[attr-defined]
        super().handle(*args, **options)
