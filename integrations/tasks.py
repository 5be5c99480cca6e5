"""What runs later or on a clock. Each task calls one plain function; running one twice does no harm."""

from celery import shared_task

from remediation.rules import audit

from .delivery import look, sweep


@shared_task(name="integrations.tasks.deliver_tickets")
def deliver_tickets(ticket_ids: list[int]) -> None:
    sweep.attend(ticket_ids)


@shared_task(name="integrations.tasks.sweep")
def sweep_tickets() -> None:
    sweep.sweep()


@shared_task(name="integrations.tasks.poll_tickets")
def poll_tickets() -> None:
    look.look_everywhere()


@shared_task(name="integrations.tasks.seal_audit")
def seal_audit() -> None:
    audit.seal()
