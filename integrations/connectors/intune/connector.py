"""Intune's security tasks over HTTP: Graph beta, `/deviceAppManagement/deviceAppManagementTasks`.

No filter is ever asked for: Intune's lists are known to ignore, refuse or break on them.
"""

import json
from datetime import datetime
from typing import Any
from urllib.parse import quote

from django.conf import settings

from integrations.microsoft import Answer, BrokenBody, MicrosoftClient, graph_client
from remediation.markers import find_markers

from ..base import Finding, Limit, Listing, Order, Reading, RemoteTicket, Reply
from ..foreign import clean
from ..odata import listing, parsed, reply_of
from . import payload, trial

TASKS = "/beta/deviceAppManagement/deviceAppManagementTasks"
KINDS = {
    "#microsoft.graph.appVulnerabilityTask": "software",
    "#microsoft.graph.securityConfigurationTask": "configuration",
}
LIMIT_SECONDS = 20.0
SPEAKER = "Graph"
STATES = {"pending", "active", "completed", "rejected"}
_LONGEST_ID = 128


class Intune:
    """Microsoft Intune, with the registration that Graph is called with."""

    def __init__(self, client: MicrosoftClient | None = None) -> None:
        self._client = client or graph_client()

    @property
    def limit(self) -> Limit | None:
        """Graph, "Intune partner integration": POST, PUT, PATCH and DELETE of one application in one tenant."""
        writes = settings.DELIVERY_GRAPH_WRITES
        return Limit(writes, LIMIT_SECONDS) if writes else None

    def render(self, order: Order) -> bytes:
        return payload.render(order)

    def create(self, body: bytes) -> Reply:
        answer = self._client.post(TASKS, body)
        names_devices = b"manageddevices" in answer.body.lower()
        return _reply(answer, remote_id=_id_of(answer), refuses_devices=answer.status == 400 and names_devices)

    def set_status(self, remote_id: str, state: str, note: str) -> Reply:
        body = {"status": state} | ({"note": note} if note else {})
        return _reply(self._client.post(f"{_address(remote_id)}/updateStatus", json.dumps(body).encode()))

    def delete(self, remote_id: str) -> Reply:
        return _reply(self._client.delete(_address(remote_id)))

    def read(self, remote_id: str) -> Reading:
        answer = self._client.get(_address(remote_id))
        task = _task(parsed(answer.body)) if answer.is_ok else None
        return Reading(_reply(answer), task)

    def keeps_devices(self, remote_id: str) -> bool | None:
        answer = self._client.get(_address(remote_id), {"$expand": "managedDevices"})
        task = parsed(answer.body) if answer.is_ok else None
        devices = task.get("managedDevices") if isinstance(task, dict) else None
        return bool(devices) if isinstance(devices, list) else None

    def list_all(self) -> Listing:
        """Every task of the tenant."""
        return listing(self._client, TASKS, _task, SPEAKER)

    def sign_in_again(self) -> None:
        self._client.forget_token()

    def test(self, *, with_writing: bool) -> list[Finding]:
        return trial.run(self, self._client, with_writing=with_writing)


def _address(remote_id: str) -> str:
    return f"{TASKS}/{quote(remote_id, safe='')}"


def _reply(answer: Answer, remote_id: str = "", refuses_devices: bool = False) -> Reply:
    return reply_of(answer, SPEAKER, remote_id=remote_id, refuses_devices=refuses_devices)


def _id_of(answer: Answer) -> str:
    """The id of a created task; empty when the answer is not exactly what a creation looks like."""
    if not answer.is_complete or answer.status != 201:
        return ""
    try:
        remote_id = answer.json().get("id")
    except BrokenBody:
        return ""
    return remote_id.strip() if _is_id(remote_id) else ""


def _is_id(remote_id: object) -> bool:
    """Whether it can be kept and asked for. An odd one could not even be looked up in a database."""
    return isinstance(remote_id, str) and remote_id.isprintable() and 0 < len(remote_id.strip()) <= _LONGEST_ID


def _task(task: Any) -> RemoteTicket | None:
    """None for what is no task with an id."""
    if not isinstance(task, dict) or not _is_id(task.get("id")):
        return None
    texts = f"{task.get('description') or ''}\n{task.get('creatorNotes') or ''}"
    status = task.get("status")
    return RemoteTicket(
        remote_id=task["id"],
        state=status if isinstance(status, str) and status in STATES else "unknown",
        note=clean(str(task["note"] or "")) if "note" in task else None,
        markers=tuple(dict.fromkeys(find_markers(texts))),
        created_at=_moment(task.get("createdDateTime")),
        title=" ".join(clean(str(task.get("displayName") or "")).split()),
        kind=KINDS.get(str(task.get("@odata.type")), ""),
        product=" ".join(clean(str(task.get("appName") or "")).split()),
    )


def _moment(text: object) -> datetime | None:
    """A moment with a zone; None for what is none, and for sentinels out of range."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo and 1970 < moment.year < 9000 else None
