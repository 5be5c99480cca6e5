"""From the empty database to the verdict."""

import argparse
import shutil
import sys
import time
from typing import Any

from django.core.management import call_command
from django.db import connection

from remediation.models import AttemptResult, Ticket, TicketAttempt
from tests.browser.product import PASSWORD
from tests.browser.sandbox import Sandbox
from tvm_remediation.supervisor import accounts

from . import checker, intents
from .mayhem import Mayhem, Plan
from .stage import Stage
from .troupe import gather


def perform(stage: Stage, options: argparse.Namespace) -> dict[str, Any]:
    call_command("migrate", interactive=False, verbosity=0)
    accounts.ensure_demo(PASSWORD)
    intents.lay_out(options.tickets)
    intents.stock(options.tickets)
    within = options.within or 120 + 0.15 * options.tickets
    plan = Plan(options.tickets, options.every, options.seed, within, sys.stderr.isatty())
    sandbox = Sandbox(stage.place.sandbox_page.rstrip("/"))
    mayhem = Mayhem(plan, gather(stage, options.tickets), sandbox, stage.cluster)
    began = time.monotonic()
    try:
        mayhem.run()
        seconds = time.monotonic() - began
        stored = mayhem.sandbox.dump()
    finally:
        mayhem.troupe.end()
        if options.logs:
            shutil.copytree(stage.place.logs_dir, options.logs, dirs_exist_ok=True)
    verdict = checker.judge(options.tickets, stored["tasks"])
    _explain(options.tickets)
    return {
        "lost": verdict.lost, "extra": verdict.extra, "dangling": verdict.dangling, "phantom": verdict.phantom,
        "kills": mayhem.blows["kills"], "stops": mayhem.blows["stops"],
        "restarts": mayhem.blows["restarts"], "audit": verdict.audit,
        "tickets": options.tickets, "requests": stored["posts_received"], "faults": mayhem.faults.total(),
        "late": mayhem.faults["late_commit"], "adopted": _attempts(AttemptResult.ADOPTED),
        "crashed": _attempts(AttemptResult.CRASHED), "delivered_in": f"{seconds:.0f}",
        "database": connection.vendor, "seed": options.seed, "is_good": verdict.is_good,
    }  # fmt: skip


def _attempts(result: str) -> int:
    return TicketAttempt.objects.filter(result=result).count()


def _explain(tickets: int) -> None:
    """What did not come through, for whoever has to find out why."""
    for ticket in Ticket.objects.exclude(delivery_state="delivered").defer("payload")[:10]:
        sys.stderr.write(f"ticket {ticket.pk}: {ticket.delivery_state}, {ticket.attempts} attempts, {ticket.reason}\n")
    if (known := Ticket.objects.count()) != tickets:
        sys.stderr.write(f"{known} of {tickets} tickets were asked for\n")
