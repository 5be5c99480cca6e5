"""Runs one sync in this process and shows how far it is."""

import sys

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from integrations.ingest.running import run_sync
from integrations.models import SyncState
from integrations.progress import Progress, summary


class Command(BaseCommand):
    help = "Read everything from Microsoft Defender and apply it. Exit code 0: complete; 1: anything else."

    def handle(self, *args: object, **options: object) -> None:
        if not settings.MICROSOFT.is_configured:
            raise CommandError(
                "No tenant is configured. Set MICROSOFT_TENANT_ID and the others, or start with make run."
            )
        progress = Progress()
        run = run_sync(report=progress)
        progress.done()
        if run is None:
            raise CommandError("Another sync is under way.")
        self.stdout.write("\n".join(summary(run)))
        if run.state != SyncState.COMPLETE:
            sys.exit(1)
