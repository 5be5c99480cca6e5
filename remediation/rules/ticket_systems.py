"""Switching the connection to a ticket system on and off."""

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _

from ..models import AuditEvent, Through, TicketSystem, User


@transaction.atomic
def switch(system: TicketSystem, is_enabled: bool, *, by: User, through: str = Through.PAGE) -> bool:
    """Switch it, and say whether this call did; a repeat changes and records nothing."""
    if not by.has_perm("remediation.manage_settings"):
        raise PermissionDenied(_("Your roles do not allow changes of the settings."))
    changed = TicketSystem.objects.filter(pk=system.pk, is_enabled=not is_enabled).update(is_enabled=is_enabled)
    system.refresh_from_db()
    if changed:
        AuditEvent.objects.record(
            system,
            "switch on" if is_enabled else "switch off",
            by=by,
            through=through,
            before={"is_enabled": not is_enabled},
            after={"is_enabled": is_enabled},
        )
    return bool(changed)
