"""Configuration Manager over HTTP: one device collection a ticket, by the AdminService.

Routes and forms: learn.microsoft.com, "administration service", and Microsoft's own samples (configmgr-hub); that a
collection is changed by PUT is known from others' modules only. `AddMembershipRules`, the plural, fails over REST.
"""

import json
import time
from typing import Any
from urllib.parse import quote

from django.conf import settings

from integrations.microsoft import Answer, MicrosoftClient, configmgr_client
from remediation.markers import find_markers

from ..base import Finding, Listing, Members, Order, Phase, Reading, RemoteTicket, Reply, Resolution, Wanted
from ..odata import LARGEST_PAGE, broken, listing, parsed, reply_of
from . import devices, payload, trial

COLLECTIONS = "wmi/SMS_Collection"
SPEAKER = "The AdminService"
# Refusals that say nothing of the request's content: they hold for what would have come after it too.
_HOLDS_FOR_ALL = {401, 403, 429}
_KEPT = ("Name", "LimitToCollectionID", "CollectionType")


class ConfigurationManager:
    """A site, reached by the AdminService of one SMS provider or through its cloud management gateway."""

    def __init__(self, client: MicrosoftClient | None = None) -> None:
        self._client = client or configmgr_client()

    @property
    def limit(self) -> None:
        """None is documented."""
        return None

    def render(self, order: Order) -> bytes:
        return payload.render(order)

    def create(self, body: bytes) -> Reply:
        """Look first: the name stands for one ticket. Both requests share the time that one may take."""
        ends = time.monotonic() + settings.DELIVERY_TOTAL_DEADLINE
        made = json.loads(body)
        answer = self._client.get(_named(made["Name"]), total=settings.DELIVERY_TOTAL_DEADLINE / 2)
        there = _entries(answer)
        if there is None:
            return _nothing_sent(answer)
        markers = find_markers(made["Comment"])
        for collection in filter(None, map(_ticket, there)):
            if set(markers) & set(collection.markers):
                return Reply(Phase.COMPLETE, 201, remote_id=collection.remote_id)
        answer = self._client.post(COLLECTIONS, body, total=max(1.0, ends - time.monotonic()))
        return reply_of(answer, SPEAKER, remote_id=_id_of(answer))

    def set_status(self, remote_id: str, state: str, note: str) -> Reply:
        """Into the comment. The collection itself stays: deployments may hang on it."""
        answer, collection = self._read(remote_id)
        if collection is None:
            return _reply(answer)
        changed = {name: collection[name] for name in _KEPT if name in collection}
        changed["Comment"] = payload.with_state(_text(collection.get("Comment")), state, note)
        return _reply(self._client.put(_address(remote_id), json.dumps(changed).encode()))

    def delete(self, remote_id: str) -> Reply:
        return _reply(self._client.delete(_address(remote_id)))

    def read(self, remote_id: str) -> Reading:
        answer, collection = self._read(remote_id)
        return Reading(_reply(answer), _ticket(collection) if collection else None)

    def keeps_devices(self, remote_id: str) -> bool | None:
        """They go in one by one, and each is seen in it; of a collection that cannot be read, nothing can be told."""
        return True if self.read(remote_id).ticket else None

    def list_all(self) -> Listing:
        """Every collection of the site, by no filter: somebody may have given ours another name."""
        return listing(self._client, COLLECTIONS, _ticket, SPEAKER)

    def resolve(self, wanted: list[Wanted]) -> Resolution:
        return devices.resolve(self._client, wanted, SPEAKER)

    def members(self, remote_id: str) -> Members:
        """Of its direct rules; what a collection gets by queries is not ours to count."""
        answer, collection = self._read(remote_id)
        if collection is None:
            return Members(_reply(answer))
        rules = collection.get("CollectionRules", ...)
        if rules is ... or not isinstance(rules, list | None):
            return Members(broken(answer, "The rules of the collection could not be read."))
        direct = [rule for rule in rules or [] if isinstance(rule, dict) and "ResourceID" in rule]
        return Members(_reply(answer), frozenset(str(rule["ResourceID"]) for rule in direct))

    def add_member(self, remote_id: str, member_id: str, name: str) -> Reply:
        rule = {
            "@odata.type": "#AdminService.SMS_CollectionRuleDirect",
            "ResourceClassName": "SMS_R_System",
            "RuleName": name,
            "ResourceID": int(member_id),
        }
        body = json.dumps({"collectionRule": rule}).encode()
        return _reply(self._client.post(f"{_address(remote_id)}/AdminService.AddMembershipRule", body))

    def sign_in_again(self) -> None:
        self._client.forget_token()

    def test(self, *, with_writing: bool) -> list[Finding]:
        return trial.run(self, self._client, with_writing=with_writing)

    def _read(self, remote_id: str) -> tuple[Answer, dict[str, Any] | None]:
        """One collection whole, with what lists leave out; an empty list instead of it means that there is none."""
        answer = self._client.get(_address(remote_id), body_cap=LARGEST_PAGE)
        found = _entity(answer)
        if found == {}:
            return Answer(404, answer.headers, reason="There is no such collection."), None
        return answer, found


def _address(remote_id: str) -> str:
    return f"{COLLECTIONS}('{quote(_doubled(remote_id), safe='')}')"


def _named(name: str) -> str:
    """With %20 for blanks: not every reader of addresses takes a plus sign for one."""
    condition = f"Name eq '{_doubled(name)}'"
    return f"{COLLECTIONS}?$filter={quote(condition, safe='')}"


def _doubled(text: str) -> str:
    return text.replace("'", "''")


def _reply(answer: Answer) -> Reply:
    return reply_of(answer, SPEAKER)


def _nothing_sent(answer: Answer) -> Reply:
    """The look before the creation failed, so the creation was not tried."""
    reply = _reply(answer)
    if reply.phase is Phase.COMPLETE and reply.status in _HOLDS_FOR_ALL:
        return reply
    return Reply(
        Phase.NOT_SENT,
        reason=reply.reason or "Not sent: it could not be looked for before.",
        lacks_token=reply.lacks_token,
        client_request_id=reply.client_request_id,
    )


def _entries(answer: Answer) -> list[Any] | None:
    page = parsed(answer.body) if answer.is_complete and answer.status == 200 else None
    found = page.get("value") if isinstance(page, dict) else None
    return found if isinstance(found, list) else None


def _entity(answer: Answer) -> dict[str, Any] | None:
    """By itself, or as the only one of a list: both forms are known. Empty when the list is."""
    found = parsed(answer.body) if answer.is_ok else None
    if isinstance(found, dict) and isinstance(found.get("value"), list):
        found = found["value"][0] if found["value"] else {}
    is_one = isinstance(found, dict) and (not found or _ticket(found) is not None)
    return found if is_one else None


def _id_of(answer: Answer) -> str:
    """The id of a created collection; empty when the answer is not exactly what a creation looks like."""
    created = _entity(answer) if answer.status == 201 else None
    return str(created["CollectionID"]) if created else ""


def _ticket(collection: Any) -> RemoteTicket | None:
    """None for what is no collection with an id. When it was made, the service does not tell; the ids ascend."""
    remote_id = collection.get("CollectionID") if isinstance(collection, dict) else None
    if not isinstance(remote_id, str) or not remote_id.isalnum() or len(remote_id) > 16:
        return None
    comment = _text(collection.get("Comment"))
    state, note = payload.state_of(comment)
    return RemoteTicket(remote_id, state, note, tuple(dict.fromkeys(find_markers(comment))), None)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
