"""Check the chain of the audit trail."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from remediation.rules import audit


class Command(BaseCommand):
    help = "Recompute the seals of the audit trail, name the first broken event, and count those not sealed yet."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--head", default="", help="a seal from the log that must still be in the chain")

    def handle(self, *args: Any, head: str, **options: Any) -> None:
        verdict = audit.verify(head)
        if verdict.problem:
            raise CommandError(f"{verdict.problem} {verdict.sealed} events before it are sound.")
        self.stdout.write(f"The chain of {verdict.sealed} events is whole; {verdict.unsealed} are not sealed yet.")
        self.stdout.write(f"Head: {verdict.head}")
