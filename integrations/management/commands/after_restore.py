"""Between a restored backup and the start of the workers: nothing that was sent since the backup is sent again."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from integrations import restored
from integrations.operation import concerns


class Command(BaseCommand):
    help = "After restoring a backup and before the start: have every waiting ticket looked for before it is sent."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--yes", action="store_true", help="everything is stopped, and this database was restored")

    def handle(self, *args: Any, yes: bool, **options: Any) -> None:
        if not yes:
            raise CommandError(
                "This signs everybody out and makes waiting tickets wait for about ten minutes. Stop everything, then "
                "run it with --yes."
            )
        if concerns.has_worker():
            raise CommandError(
                "A delivery worker was seen less than 90 seconds ago. Stop everything first; if the backup itself is "
                "as young, wait."
            )
        doubted = restored.settle()
        self.stdout.write(f"Looked for before they are sent: {doubted}. Everybody has to sign in again.")
        self.stdout.write("Start everything. Settings, Delivery shows what stands there and is unknown here.")
