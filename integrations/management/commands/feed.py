"""Reads one published file about weaknesses in this process."""

from django.core.management.base import BaseCommand, CommandError, CommandParser

from integrations.feeds.loading import load
from remediation.models import FeedKind, Through


class Command(BaseCommand):
    help = (
        "Read EPSS scores (CSV) or CISA's catalogue of known exploited vulnerabilities (JSON), each also packed by "
        "gzip, and count everything anew. Exit code 0: read; 1: refused, and nothing has changed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("kind", choices=FeedKind.values)
        parser.add_argument("place", nargs="?", default="", help="a file, or an address on the configured host")

    def handle(self, *args: object, kind: str, place: str, **options: object) -> None:
        feed = load(kind, place, through=Through.COMMAND)
        if feed.error:
            raise CommandError(feed.error)
        self.stdout.write(f"{feed}: {feed.rows} rows of {feed.as_of}, {feed.matched} about weaknesses known here.")
