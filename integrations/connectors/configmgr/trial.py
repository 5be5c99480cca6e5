"""Test connection: what works of the way to Configuration Manager, step by step, in words."""

import json
from typing import TYPE_CHECKING
from uuid import uuid4

from django.conf import settings
from django.utils.translation import gettext as _

from integrations.microsoft import Answer, MicrosoftClient

from ..base import Finding, Phase, Reply

if TYPE_CHECKING:
    from .connector import ConfigurationManager


def run(system: "ConfigurationManager", client: MicrosoftClient, *, with_writing: bool) -> list[Finding]:
    """Each step needs the one before; what cannot be tried any more is not mentioned."""
    system.sign_in_again()
    answer = client.get("wmi/SMS_Site")
    findings = [_address(answer)]
    if findings[-1].works:
        findings.append(_sign_in(answer))
    if not all(finding.works for finding in findings):
        return findings
    findings += [_roles(client.get("v1.0/Device?$top=1&$select=MachineId")), _read(client)]
    findings.append(
        _write(system) if with_writing else Finding("write", None, _("Creating a collection was not tried."))
    )
    return findings


def _address(answer: Answer) -> Finding:
    if answer.failure in {"address", "dns", "connect", "tls"}:
        return Finding("address", False, answer.reason)
    host = settings.CONFIGMGR.url
    if answer.failure == "token":
        return Finding("address", True, _("%(host)s is configured.") % {"host": host})
    return Finding("address", True, _("%(host)s was reached and its certificate is trusted.") % {"host": host})


def _sign_in(answer: Answer) -> Finding:
    if answer.failure == "token":
        return Finding("sign_in", False, answer.reason)
    if answer.status == 401:
        return Finding("sign_in", False, _("The AdminService does not accept the sign-in (401)."))
    if settings.CONFIGMGR.keytab:
        who = settings.CONFIGMGR.principal
        return Finding("sign_in", True, _("Signed in by Kerberos as %(who)s.") % {"who": who})
    return Finding("sign_in", True, _("Signed in by a token of Entra."))


def _roles(answer: Answer) -> Finding:
    """What a role allows cannot be asked for; whether its scope lets devices be seen can."""
    if answer.is_ok:
        return Finding("roles", True, _("Devices can be read."))
    words = _("Devices cannot be read. Grant the account Read on Collection, with the scope of the devices.")
    return Finding("roles", False, words)


def _read(client: MicrosoftClient) -> Finding:
    answer = client.get(f"wmi/SMS_Collection('{settings.CONFIGMGR.limiting_collection}')")
    if answer.is_ok:
        return Finding("read", True, _("Collections can be read."), route="works")
    words = _("The limiting collection %(id)s cannot be read: %(why)s") % {
        "id": settings.CONFIGMGR.limiting_collection,
        "why": answer.reason or answer.status,
    }
    return Finding("read", False, words, route="refused" if answer.status == 403 else "")


def _write(system: "ConfigurationManager") -> Finding:
    reply = system.create(_labelled_collection())
    if not reply.remote_id:
        if reply.phase is Phase.COMPLETE and reply.status == 403:
            words = _("Creating is refused: %(why)s Grant the account Create, Modify and Delete on Collection.")
            return Finding("write", False, words % {"why": reply.reason}, route="refused")
        return Finding("write", False, _("Not known whether a collection was created: %(why)s") % {"why": reply.reason})
    if _removed(system.delete(reply.remote_id)):
        return Finding("write", True, _("A labelled collection was created and deleted."), route="works")
    words = _("A labelled collection was created, but could not be deleted. Please delete collection %(id)s.")
    return Finding("write", True, words % {"id": reply.remote_id}, route="works")


def _removed(reply: Reply) -> bool:
    return reply.phase is Phase.COMPLETE and reply.status in {200, 204, 404}


def _labelled_collection() -> bytes:
    body = {
        "Name": f"{_('TVM connection test (please ignore)')} {uuid4()}",
        "LimitToCollectionID": settings.CONFIGMGR.limiting_collection,
        "Comment": _("Connection test of TVM Remediation. It is deleted at once and may be ignored."),
        "CollectionType": 2,
    }
    return json.dumps(body).encode()
