"""Test connection: run a connector's own test, remember what it taught about the routes, and write down who asked."""

from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _

from remediation.models import AuditEvent, Route, TicketSystem, User

from . import ticket_systems
from .connectors import connector_for
from .connectors.base import Finding
from .delivery import throttle

# Which field of the ticket system remembers what a step found out.
_REMEMBERED = {"read": "list_route", "write": "create_route"}


class CannotTest(Exception):
    """There is nothing to test, for a reason in words."""


def try_connection(system: TicketSystem, *, with_writing: bool, by: User) -> dict[str, Any]:
    """The findings as they are shown, step by step. Talks to the network, so never inside a transaction.

    Raises PermissionDenied or CannotTest.
    """
    if not by.has_perm("remediation.manage_settings"):
        raise PermissionDenied(_("Your roles do not allow changes of the settings."))
    if not ticket_systems.is_configured(system.key):
        raise CannotTest(str(ticket_systems.WORDS[system.key].not_configured))
    findings = connector_for(system.key).test(with_writing=with_writing)
    _remember(system, findings, with_writing, by)
    return {
        "at": datetime.now(UTC).isoformat(),
        "with_writing": with_writing,
        "works": all(finding.works is not False for finding in findings),
        "findings": [
            {"step": finding.step, "works": finding.works, "words": str(finding.words), "details": finding.details}
            for finding in findings
        ],
    }


@transaction.atomic
def _remember(system: TicketSystem, findings: list[Finding], with_writing: bool, by: User) -> None:
    learnt: dict[str, Any] = {
        _REMEMBERED[finding.step]: finding.route
        for finding in findings
        if finding.step in _REMEMBERED and finding.route in Route.values
    }
    for finding in findings:
        if finding.takes_devices is not None:
            learnt["takes_devices"] = finding.takes_devices
    before = {name: getattr(system, name) for name in learnt}
    if learnt:
        TicketSystem.objects.filter(pk=system.pk).update(**learnt)
    if learnt.get("create_route") == Route.WORKS:
        # What was held back by an earlier refusal may go.
        throttle.created_after_all(system.key)
    outcome = {finding.step: finding.works for finding in findings}
    verb = "test with writing" if with_writing else "test connection"
    AuditEvent.objects.record(system, verb, by=by, before=before, after=learnt | {"steps": outcome})
