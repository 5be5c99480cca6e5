"""A ticket's facts as a device collection: its name, and the comment that tells what is to be done.

A collection has no state of its own, so the first line of its comment tells it; the last line is our marker.
"""

import json
import re
from datetime import date
from typing import Any

from django.conf import settings

from ..base import Order
from ..foreign import clean, one_line

# The site's database keeps 512 characters of a comment.
LONGEST_COMMENT = 500
LONGEST_NAME = 200
DEVICES = 2
STATES = ("pending", "active", "completed", "rejected")
_STATUS = re.compile(rf"Status: ({'|'.join(STATES)})(?:\. (.*))?", re.IGNORECASE)


def render(order: Order) -> bytes:
    """The body of the create request. Its devices go in afterwards, one by one."""
    body = {
        "Name": _name(order),
        "LimitToCollectionID": settings.CONFIGMGR.limiting_collection,
        "Comment": _comment(order),
        "CollectionType": DEVICES,
    }
    return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _name(order: Order) -> str:
    """Made from the marker too, so no two tickets share one and a repeat meets the first."""
    reference = order.marker.removeprefix("[VR:")[:8]
    part = _part(order.facts)
    return f"TVM-{reference} {one_line(order.facts['title'], LONGEST_NAME - 13 - len(part))}{part}"


def _comment(order: Order) -> str:
    facts = order.facts
    due = date.fromisoformat(facts["due_on"])
    tail = f"Due {due}, priority {facts['priority']}{_part(facts)}.\n{facts['url']}\n{order.marker}"
    head = "Status: pending\n"
    action = one_line(_action(facts), max(1, LONGEST_COMMENT - len(head) - len(tail) - 1))
    return f"{head}{action}\n{tail}"


def _action(facts: Any) -> str:
    goal = f" To version {facts['to_version']} or later." if facts["to_version"] else ""
    notes = f" Notes: {facts['notes']}" if facts["notes"] else ""
    return f"{facts['remediation_label']}: {facts['title']}.{goal}{notes}"


def _part(facts: Any) -> str:
    return f" ({facts['part']}/{facts['parts']})" if facts.get("parts", 1) > 1 else ""


def state_of(comment: str) -> tuple[str, str]:
    """State and note by the first line; pending where somebody has taken that line away."""
    found = _STATUS.fullmatch(clean(comment).partition("\n")[0].strip())
    return (found[1].lower(), found[2] or "") if found else ("pending", "")


def with_state(comment: str, state: str, note: str) -> str:
    """The comment with another first line, the note as long as there is room for it."""
    first, _, rest = comment.replace("\r\n", "\n").partition("\n")
    rest = rest if _STATUS.fullmatch(first.strip()) else comment
    line = f"Status: {state}"
    room = LONGEST_COMMENT - len(line) - len(rest) - 3
    return f"{line}. {one_line(note, room)}\n{rest}" if note.strip() and room > 0 else f"{line}\n{rest}"
