"""Delivery without a broker: the same rounds as the workers', in this process."""

import socket
import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db.models import Count

from integrations.delivery import sweep
from remediation.models import Duty, Heartbeat, Ticket


class Command(BaseCommand):
    help = "Deliver tickets and read back their state: one round with --once, else until interrupted."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="one round, then stop")

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        while True:
            Heartbeat.objects.seen(Duty.DELIVERY, f"deliver@{socket.gethostname()}")
            sweep.sweep_here()
            self.stdout.write(self._summary())
            if once:
                return
            time.sleep(settings.DELIVERY_SWEEP)

    def _summary(self) -> str:
        counts = Ticket.objects.order_by().values_list("delivery_state").annotate(Count("pk"))
        return ", ".join(f"{state} {count}" for state, count in sorted(counts)) or "no tickets"
