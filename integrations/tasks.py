"""What runs later or on a clock. Each task calls one plain function; running one twice does no harm."""

from celery import shared_task
from django.conf import settings

from remediation.models import User
from remediation.rules import audit, exception_clock

from . import retention, target_groups
from .delivery import look, sweep
from .feeds import loading
from .ingest import running


@shared_task(name="integrations.tasks.deliver_tickets")
def deliver_tickets(ticket_ids: list[int]) -> None:
    # Whoever can write to the broker could ask for anything; what is no id is nobody's ticket.
    sweep.attend([pk for pk in ticket_ids or [] if isinstance(pk, int) and 0 < pk < 2**63])


@shared_task(name="integrations.tasks.sweep")
def sweep_tickets() -> None:
    sweep.sweep()


@shared_task(name="integrations.tasks.poll_tickets")
def poll_tickets() -> None:
    look.look_everywhere()


@shared_task(name="integrations.tasks.fill_groups")
def fill_groups() -> None:
    target_groups.fill_all()


@shared_task(name="integrations.tasks.seal_audit")
def seal_audit() -> None:
    audit.seal()


@shared_task(name="integrations.tasks.look_after_exceptions")
def look_after_exceptions() -> None:
    exception_clock.look_after()


@shared_task(name="integrations.tasks.log_audit_head")
def log_audit_head() -> None:
    audit.log_head()


@shared_task(name="integrations.tasks.forget_old_records")
def forget_old_records() -> None:
    retention.forget_old_records()


# Taken off the queue at once: a sync runs for long, and one that is lost comes again with the clock.
@shared_task(name="integrations.tasks.run_sync", acks_late=False, reject_on_worker_lost=False)
def run_sync(requested_by: int | None = None) -> None:
    loading.load_due()
    if settings.MICROSOFT.is_configured:
        running.run_sync(requested_by=_person(requested_by))


@shared_task(name="integrations.tasks.run_changes", acks_late=False, reject_on_worker_lost=False)
def run_changes() -> None:
    if settings.MICROSOFT.is_configured:
        running.run_changes()


@shared_task(name="integrations.tasks.load_feeds", acks_late=False, reject_on_worker_lost=False)
def load_feeds(kind: str | None = None, requested_by: int | None = None) -> None:
    """Those that are due, or one at a person's word."""
    if kind is None:
        loading.load_due()
    else:
        loading.load(kind, by=_person(requested_by))


def _person(pk: int | None) -> User | None:
    return None if pk is None else User.objects.filter(pk=pk).first()
