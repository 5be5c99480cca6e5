"""Runs one sync in this process and shows how far it is."""

import sys

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from integrations.ingest.running import run_changes, run_sync
from integrations.models import SyncState
from integrations.progress import Progress, summary


class Command(BaseCommand):
    help = (
        "Read everything from Microsoft Defender and apply it, or only what has changed since the last time. "
        "Exit code 0: complete, or the changes are applied; 1: anything else."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--changes", action="store_true", help="read only the changes")

    def handle(self, *args: object, changes: bool, **options: object) -> None:
        if not settings.MICROSOFT.is_configured:
            raise CommandError(
                "No tenant is configured. Set MICROSOFT_TENANT_ID and the others, or start with make run."
            )
        progress = Progress()
        run = run_changes(report=progress) if changes else run_sync(report=progress)
        progress.done()
        if run is None:
            raise CommandError("Another sync is under way.")
        self.stdout.write("\n".join(summary(run)))
        if run.state not in (SyncState.COMPLETE, SyncState.APPLIED):
            sys.exit(1)
