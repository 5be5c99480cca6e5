"""Groups and devices of the tenant's directory (Entra), through Graph v1.0: what a target group needs, and no more.

A group is found or made by its unique name in one request (`Prefer: create-if-missing`: 201 made, 204 there). Members
are added twenty at a time, all or none of them; one that is a member already makes the request fail.
"""

import json
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from .microsoft import Answer, BrokenBody, MicrosoftClient, groups_client

# The most that one request takes, of members and of requests in a batch.
AT_ONCE = 20
_MOST_PAGES = 1000


class NotDone(Exception):
    """What the directory did not do, in words; `wait` are the seconds that it asked for."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class AlreadyMember(NotDone):
    """None of the devices was added, because some are members."""


class Directory:
    """The directory, with the registration for target groups."""

    def __init__(self, client: MicrosoftClient | None = None) -> None:
        self._client = client or groups_client()

    def ensure_group(self, unique_name: str, display_name: str) -> str:
        """The id of the group with this name, made if need be. Doing it twice makes one group. Raises NotDone."""
        body = {
            "displayName": display_name,
            "mailEnabled": False,
            "mailNickname": unique_name,
            "securityEnabled": True,
        }
        address = f"/v1.0/groups(uniqueName='{unique_name}')"
        headers = {"Prefer": "create-if-missing"}
        self._done(self._client.request("PATCH", address, body=json.dumps(body).encode(), headers=headers))
        found = self._object(self._client.get(address, {"$select": "id"})).get("id")
        return _guid(found)

    def members(self, group_id: str) -> set[str]:
        """The ids of all members. Raises NotDone, also where the list does not come to an end."""
        found: set[str] = set()
        address: str | None = f"/v1.0/groups/{group_id}/members?$select=id&$top=999"
        for _page in range(_MOST_PAGES):
            if address is None:
                return found
            page = self._object(self._client.get(address))
            entries, address = page.get("value"), page.get("@odata.nextLink")
            if not isinstance(entries, list) or not isinstance(address, str | None):
                break
            found.update(
                entry["id"] for entry in entries if isinstance(entry, dict) and isinstance(entry.get("id"), str)
            )
        raise NotDone("The list of the group's members could not be read.")

    def object_ids(self, device_ids: list[str]) -> dict[str, str]:
        """Entra device id -> the directory's own id, for those that it knows; at most 20. Raises NotDone."""
        wanted = [device for device in device_ids if _is_guid(device)]
        if not wanted:
            return {}
        requests = [
            {"id": str(number), "method": "GET", "url": f"/devices(deviceId='{device}')?$select=id"}
            for number, device in enumerate(wanted)
        ]
        answer = self._client.post("/v1.0/$batch", json.dumps({"requests": requests}).encode())
        answers = self._object(answer).get("responses")
        if not isinstance(answers, list):
            raise NotDone("The answer to a batch could not be read.")
        by_number = {str(one.get("id")): one for one in answers if isinstance(one, dict)}
        found = {}
        for number, device in enumerate(wanted):
            one = by_number.get(str(number), {})
            if one.get("status") == 200 and isinstance(one.get("body"), dict):
                found[device] = _guid(one["body"].get("id"))
            elif one.get("status") != 404:
                raise NotDone(f"The directory answered {one.get('status')} for a device.")
        return found

    def add(self, group_id: str, object_ids: Iterable[str]) -> None:
        """Add devices that are no members yet, at most 20: all or none. Raises NotDone or AlreadyMember."""
        root = self._client.root
        references = [f"{root}/v1.0/directoryObjects/{_guid(one)}" for one in object_ids]
        body = json.dumps({"members@odata.bind": references}).encode()
        answer = self._client.patch(f"/v1.0/groups/{group_id}", body)
        if answer.status == 400 and "already exist" in " ".join(answer.error_message()):
            raise AlreadyMember("Some devices are in the group already.")
        self._done(answer)

    def _done(self, answer: Answer) -> None:
        if not answer.is_ok:
            code, message = answer.error_message()
            words = answer.reason or f"The directory answered {answer.status} {code}. {message}".strip()
            if answer.status in {401, 403}:
                self._client.forget_token()
            raise NotDone(words, answer.retry_after())

    def _object(self, answer: Answer) -> dict[str, Any]:
        self._done(answer)
        try:
            found = answer.json()
        except BrokenBody:
            found = None
        if not isinstance(found, dict):
            raise NotDone("The directory's answer could not be read.")
        return found


def _is_guid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


def _guid(value: object) -> str:
    """Nothing but a GUID becomes a part of an address."""
    try:
        return str(UUID(str(value)))
    except ValueError:
        raise NotDone("What should be an id is none.") from None
