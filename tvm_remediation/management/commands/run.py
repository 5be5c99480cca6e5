"""manage.py run: the whole product under one supervisor."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tvm_remediation.supervisor.refusal import Refused
from tvm_remediation.supervisor.start import run, settle_environment


class Command(BaseCommand):
    help = "Start web server, workers, clock, and where needed broker and sandbox; stop all of them with Ctrl-C."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            run(settle_environment())
        except Refused as refusal:
            raise CommandError(str(refusal)) from None
        except KeyboardInterrupt:
            raise CommandError("Stopped.", returncode=130) from None
