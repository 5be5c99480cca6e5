"""What the site calls our devices: by Entra id, and by name where that leads nowhere."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

from integrations.microsoft import Answer, MicrosoftClient

from ..base import Resolution, Wanted
from ..odata import broken, parsed, reply_of

DEVICES = "v1.0/Device"
# Conditions joined by "or": an address longer than about 2,000 characters is refused on the way.
AT_ONCE = 20


class _NoAnswer(Exception):
    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


def resolve(client: MicrosoftClient, wanted: Sequence[Wanted], speaker: str) -> Resolution:
    """Chunk by chunk; what was found out before an answer failed is kept."""
    ids: dict[int, str] = {}
    asked: set[int] = set()
    answer = Answer(200)
    try:
        for chunk in _chunks(wanted):
            ids |= _by_entra_id(client, chunk)
            left = [device for device in chunk if device.key not in ids]
            ids |= _by_name(client, left)
            asked |= {device.key for device in chunk}
    except _NoAnswer as problem:
        answer = problem.answer
        reply = broken(answer, "The list of devices could not be read.") if answer.is_ok else reply_of(answer, speaker)
        return Resolution(reply, ids, frozenset(asked | ids.keys()))
    return Resolution(reply_of(answer, speaker), ids, frozenset(asked))


def _by_entra_id(client: MicrosoftClient, wanted: list[Wanted]) -> dict[int, str]:
    """A device that was set up anew has several records; the newest has the highest id."""
    found: dict[str, int] = {}
    for record in _ask(client, "AADDeviceID", [device.entra_id for device in wanted if device.entra_id]):
        key = str(record.get("AADDeviceID") or "").lower()
        found[key] = max(found.get(key, 0), record["MachineId"])
    return {device.key: str(found[device.entra_id.lower()]) for device in wanted if device.entra_id.lower() in found}


def _by_name(client: MicrosoftClient, wanted: list[Wanted]) -> dict[int, str]:
    """Only where the name leads to one record, and that is not known to be another device."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for record in _ask(client, "Name", [short(device.name) for device in wanted if short(device.name)]):
        found[str(record.get("Name") or "").upper()].append(record)
    return {
        device.key: str(records[0]["MachineId"])
        for device in wanted
        if len(records := found.get(short(device.name), [])) == 1 and _may_be(records[0], device)
    }


def _may_be(record: dict[str, Any], device: Wanted) -> bool:
    there = str(record.get("AADDeviceID") or "").strip("{}").lower()
    is_set = bool(there.replace("0", "").replace("-", ""))
    return not (is_set and device.entra_id) or there == device.entra_id.lower()


def short(name: str) -> str:
    """The site knows computers by the first label of their name."""
    return name.partition(".")[0].upper()


def _ask(client: MicrosoftClient, column: str, values: list[str]) -> Iterator[dict[str, Any]]:
    if not values:
        return
    doubled = (value.replace("'", "''") for value in values)
    condition = " or ".join(f"{column} eq '{value}'" for value in doubled)
    answer = client.get(f"{DEVICES}?$filter={quote(condition, safe='')}&$select=MachineId,Name,AADDeviceID")
    if answer.is_complete and answer.status == 400 and len(values) > 1:
        # A service that does not understand "or" is asked one by one.
        for value in values:
            yield from _ask(client, column, [value])
        return
    page = parsed(answer.body) if answer.is_ok else None
    if not isinstance(page, dict) or not isinstance(page.get("value"), list):
        raise _NoAnswer(answer)
    yield from (record for record in page["value"] if _is_device(record))


def _is_device(record: object) -> bool:
    return isinstance(record, dict) and isinstance(record.get("MachineId"), int) and record["MachineId"] > 0


def _chunks(wanted: Sequence[Wanted]) -> Iterator[list[Wanted]]:
    return (list(wanted[start : start + AT_ONCE]) for start in range(0, len(wanted), AT_ONCE))
