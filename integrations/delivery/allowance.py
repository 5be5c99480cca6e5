"""How many writing requests a ticket system takes in a time: the account stands in its row."""

from remediation.models import TicketSystem

from .. import allowance
from ..connectors import connector_for


def grant(system: str, wanted: int) -> int:
    """How many of the wanted requests may go out now; they count from this moment on."""
    limit = connector_for(system).limit
    if limit is None or not wanted:
        return wanted
    return allowance.grant(TicketSystem, system, limit, wanted)


def seconds_left(system: str) -> float:
    """Until a request may go out; 0 when one may now."""
    limit = connector_for(system).limit
    return 0.0 if limit is None else allowance.seconds_left(TicketSystem, system, limit)
