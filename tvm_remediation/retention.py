"""For how many days records are kept, read from the environment."""

import environ
from django.core.exceptions import ImproperlyConfigured

# By default. The audit trail is kept for ever unless somebody decides otherwise.
_DAYS = {"sync_runs": 1100, "ticket_attempts": 1100, "scores": 1100, "inaccuracies": 1100, "audit": 0}
# Three years with their leap day; what the longest trend shows; and a month, to be able to look back at all.
_LEAST = {"audit": 1096, "scores": 367}
_LEAST_OF_OTHERS = 30


def days_kept(env: environ.Env) -> dict[str, int]:
    """By kind; 0 is for ever. Raises ImproperlyConfigured where a time is too short."""
    kept = {kind: env.int(f"KEEP_{kind.upper()}", default=days) for kind, days in _DAYS.items()}
    for kind, days in kept.items():
        least = _LEAST.get(kind, _LEAST_OF_OTHERS)
        if days and days < least:
            raise ImproperlyConfigured(
                f"KEEP_{kind.upper()} is {days}. It must be {least} days or more, or 0: for ever."
            )
    return kept
