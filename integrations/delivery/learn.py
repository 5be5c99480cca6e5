"""What the first answers of a ticket system teach about it: whether it keeps the devices inside a ticket.

What has been cut into parts stays cut; the tickets that follow are made by what is known now.
"""

import structlog

from remediation.models import AuditEvent, Through, TicketSystem, User

from ..connectors import connector_for

log = structlog.get_logger(__name__)


def from_created(system: str, remote_id: str) -> None:
    """While it is not known, a ticket that was taken with devices inside is read again: are they in it?"""
    if not TicketSystem.objects.filter(pk=system, takes_devices=None).exists():
        return
    try:
        keeps = connector_for(system).keeps_devices(remote_id)
    except Exception:
        log.exception("connector_broke", remote_id=remote_id)
        return
    if keeps is not None:
        takes_devices(system, keeps)


def takes_devices(system: str, whether: bool) -> None:
    unknown = TicketSystem.objects.filter(pk=system).exclude(takes_devices=whether)
    if unknown.update(takes_devices=whether):
        AuditEvent.objects.record(
            TicketSystem.objects.get(pk=system),
            "learn",
            by=User.objects.system(),
            through=Through.WORKER,
            after={"takes_devices": whether},
        )
