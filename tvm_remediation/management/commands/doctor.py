"""Look at everything, say it in plain words, and tell by the exit code whether a person is needed."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tvm_remediation import checkup


class Command(BaseCommand):
    help = "Check database, clocks, broker, settings, workers, tickets, syncs and the audit trail."
    # It has to run where the checks of a start would not let it.
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        needs_person = 0
        for part, concerns in checkup.examine():
            needs_person += sum(concern.needs_person for concern in concerns)
            self.stdout.write(f"{part}: {'ok' if not concerns else ''}".rstrip())
            for concern in concerns:
                self.stdout.write(f"  {'!' if concern.needs_person else '-'} {concern.words}")
                if concern.remedy:
                    self.stdout.write(f"    {concern.remedy}")
        if needs_person:
            raise CommandError(f"A person is needed: {needs_person}.")
        self.stdout.write("Nobody is needed.")
