"""The audit trail as its owner could treat it: tests that forge it, and those that begin again."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from remediation.audit_guard import guard, unguard


@contextmanager
def unguarded() -> Iterator[None]:
    """Without the triggers that refuse changes."""
    # PostgreSQL drops no trigger while checks of the same table wait for the end of the transaction.
    connection.check_constraints()
    unguard()
    try:
        yield
    finally:
        guard()
