"""Check the chain of the audit trail, alone or against a head that was logged earlier."""

import re
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from remediation.rules import audit


class Command(BaseCommand):
    help = "Recompute the seals of the audit trail, name the first broken event, and count those not sealed yet."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--head", default="", help="a seal from the log that must still be in the chain")

    def handle(self, *args: Any, head: str, **options: Any) -> None:
        if head and not re.fullmatch("[0-9a-f]{64}", head):
            raise CommandError("--head takes the seal of a line audit_head or audit_sealed in the log: 64 hex digits.")
        verdict = audit.verify(head)
        if verdict.problem:
            sound = f"{verdict.sealed} events before it are sound; {verdict.unsealed} are not sealed yet."
            raise CommandError(f"{verdict.problem} {sound}")
        self.stdout.write(f"The chain of {verdict.sealed} events is whole; {verdict.unsealed} are not sealed yet.")
        if verdict.forgotten:
            self.stdout.write(f"{verdict.forgotten} older ones were deleted by retention.")
        self.stdout.write(f"Head: {verdict.head}")
