"""Numbers as a sync publishes them, for tests that change rows by hand."""

from datetime import date, datetime

from django.db import transaction
from django.utils import timezone

from remediation import counters


def publish(day: date | None = None, now: datetime | None = None) -> None:
    moment = now or timezone.now()
    counters.refresh_version_risks()
    counters.prepare(moment)
    with transaction.atomic():
        counters.publish(day or timezone.localdate(moment), moment)
