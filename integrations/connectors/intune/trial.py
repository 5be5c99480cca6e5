"""Test connection: what works of the way to Intune, step by step, in words."""

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.translation import gettext as _

from integrations.microsoft import Answer, MicrosoftClient

from ..base import Finding, Phase, Reply

if TYPE_CHECKING:
    from .connector import Intune

READING = {
    "DeviceManagementApps.Read.All",
    "DeviceManagementApps.ReadWrite.All",
    "DeviceManagementConfiguration.Read.All",
    "DeviceManagementConfiguration.ReadWrite.All",
}
WRITING = {"DeviceManagementApps.ReadWrite.All", "DeviceManagementConfiguration.ReadWrite.All"}
# No device of the tenant: a test must not point at anybody's.
_DEVICE = {"id": "00000000-0000-4000-8000-000000000000", "displayName": "connection-test"}
_NO_LICENCE = ("not applicable to target tenant", "license", "licence")


def run(intune: "Intune", client: MicrosoftClient, *, with_writing: bool) -> list[Finding]:
    """Each step needs the one before; what cannot be tried any more is not mentioned."""
    intune.sign_in_again()
    answer = client.get("/beta/deviceAppManagement/deviceAppManagementTasks", {"$top": 1})
    findings = [_address(answer)]
    if findings[-1].works:
        findings.append(_sign_in(answer))
    if not all(finding.works for finding in findings):
        return findings
    findings += [_roles(client.granted_roles()), _read(answer)]
    findings.append(_write(intune) if with_writing else Finding("write", None, _("Creating a task was not tried.")))
    return findings


def _address(answer: Answer) -> Finding:
    host = settings.MICROSOFT.graph_url
    if answer.failure in {"address", "dns", "connect", "tls"}:
        return Finding("address", False, answer.reason)
    if answer.failure == "token":
        return Finding("address", True, _("Sign-in is asked for at %(host)s.") % {"host": settings.MICROSOFT.login_url})
    return Finding("address", True, _("%(host)s was reached and its certificate is trusted.") % {"host": host})


def _sign_in(answer: Answer) -> Finding:
    if answer.failure == "token":
        return Finding("sign_in", False, answer.reason)
    if answer.status == 401:
        return Finding("sign_in", False, _("Graph does not accept the token (401)."))
    return Finding("sign_in", True, _("Signed in as the app registration."))


def _roles(roles: list[str]) -> Finding:
    if set(roles) & WRITING:
        return Finding("roles", True, _("Permissions to read and write are granted."), details=roles)
    if set(roles) & READING:
        words = _("Only reading is granted. Grant DeviceManagementApps.ReadWrite.All with admin consent.")
    else:
        words = _("No Intune permission is granted. Grant DeviceManagementApps.ReadWrite.All with admin consent.")
    return Finding("roles", False, words, details=roles)


def _read(answer: Answer) -> Finding:
    if answer.is_ok:
        return Finding("read", True, _("Security tasks can be read."), route="works")
    words, route = _refusal(answer.status, " ".join(answer.error_message()), answer.reason)
    return Finding("read", False, words, route=route)


def _write(intune: "Intune") -> Finding:
    """Create one labelled task that carries a device, see whether the device is kept, and delete the task."""
    reply = intune.create(_labelled_task(_DEVICE))
    takes_devices = False if reply.refuses_devices else None
    if reply.phase is Phase.COMPLETE and reply.status == 400:
        reply = intune.create(_labelled_task())
    elif reply.remote_id:
        takes_devices = intune.keeps_devices(reply.remote_id)
    if not reply.remote_id:
        return _not_written(reply)
    if _removed(intune.delete(reply.remote_id)):
        words = _("A labelled task was created and deleted.")
    else:
        words = _("A labelled task was created, but could not be deleted. Please delete task %(id)s in Intune.")
        words %= {"id": reply.remote_id}
    return Finding("write", True, f"{words} {_of_devices(takes_devices)}", "works", takes_devices)


def _not_written(reply: Reply) -> Finding:
    if reply.phase is Phase.COMPLETE and reply.status is not None and reply.status >= 300:
        words, route = _refusal(reply.status, reply.reason, reply.reason)
        return Finding("write", False, words, route=route)
    return Finding("write", False, _("Not known whether a task was created: %(why)s") % {"why": reply.reason})


def _of_devices(takes_devices: bool | None) -> str:
    if takes_devices is None:
        return _("Whether devices inside a task are kept could not be told; the first ticket will show it.")
    if takes_devices:
        return _("Devices inside a task are kept.")
    return _("Devices inside a task are not kept: one ticket serves all devices of a request and links to their list.")


def _removed(reply: Reply) -> bool:
    return reply.phase is Phase.COMPLETE and reply.status in {200, 204, 404}


def _refusal(status: int | None, text: str, reason: str) -> tuple[str, str]:
    """(words, what is remembered of the route)."""
    if any(word in text.casefold() for word in _NO_LICENCE):
        return _("The tenant has no Intune licence for this: %(why)s") % {"why": text}, "unlicensed"
    if status == 403:
        return _("Graph refuses this (403): %(why)s") % {"why": text}, "refused"
    return reason or _("Graph answered %(status)s.") % {"status": status}, ""


def _labelled_task(*devices: dict[str, str]) -> bytes:
    due = datetime.now(UTC) + timedelta(days=1)
    words = _("Connection test of TVM Remediation. It is deleted at once and may be ignored.")
    body = {
        "@odata.type": "#microsoft.graph.appVulnerabilityTask",
        "displayName": _("Connection test (please ignore)"),
        "description": words,
        "dueDateTime": due.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "category": "advancedThreatProtection",
        "priority": "none",
        "status": "pending",
        "creatorNotes": words,
        "appName": "TVM Remediation",
        "mitigationType": "unknown",
        "managedDeviceCount": len(devices),
        "mobileAppCount": 0,
    } | ({"managedDevices": devices} if devices else {})
    return json.dumps(body).encode()
