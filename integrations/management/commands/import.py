"""Runs one sync over JSON files instead of the network."""

import sys
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from integrations.ingest.running import run_sync
from integrations.models import SyncState
from integrations.progress import Progress, summary
from integrations.sources.files import FilesSource


class Command(BaseCommand):
    help = (
        "Read machines, recommendations, vulnerabilities, software_vulnerabilities* and configurations* "
        "(.json, .jsonl, each also .gz) from a folder. Exit code 0: complete; 1: anything else."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path)

    def handle(self, *args: object, folder: Path, **options: object) -> None:
        if not folder.is_dir():
            raise CommandError(f"{folder} is no folder.")
        progress = Progress()
        run = run_sync(FilesSource(folder), report=progress)
        progress.done()
        if run is None:
            raise CommandError("Another sync is under way.")
        self.stdout.write("\n".join(summary(run)))
        if run.state != SyncState.COMPLETE:
            sys.exit(1)
