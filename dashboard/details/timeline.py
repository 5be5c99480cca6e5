"""Who did what, when, through what: audit events in words."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from remediation.models import ActivityStatus, AuditEvent

_WORDS: dict[str, tuple[str, Any]] = {
    "request": ("plus-lg", gettext_lazy("requested the remediation")),
    "complete": ("check-circle", gettext_lazy("marked it as completed")),
    "reopen": ("arrow-counterclockwise", gettext_lazy("reopened it")),
    "cancel": ("slash-circle", gettext_lazy("cancelled it")),
    "complete_automatically": ("shield-check", gettext_lazy("completed it: every target device is fixed")),
    "reopen_by_regression": ("arrow-counterclockwise", gettext_lazy("reopened it: devices are exposed again")),
    "retry": ("arrow-repeat", gettext_lazy("asked for another try of the ticket")),
}
_FIELDS = {
    "devices": gettext_lazy("devices"),
    "tickets": gettext_lazy("tickets"),
    "due_on": gettext_lazy("due"),
    "status": gettext_lazy("status"),
}


@dataclass(frozen=True)
class Line:
    icon: str
    who: str
    what: str
    detail: str
    note: str
    at: datetime
    through: str


def timeline(events: Iterable[AuditEvent]) -> list[Line]:
    return [_line(event) for event in events]


def _line(event: AuditEvent) -> Line:
    icon, what = _WORDS.get(event.verb, ("circle", event.verb.replace("_", " ")))
    return Line(icon, event.actor_name, str(what), _detail(event), event.note, event.at, event.get_through_display())


def _detail(event: AuditEvent) -> str:
    """before → after for what changed, else what was set."""
    parts = []
    for name, after in event.after.items():
        if after in ("", None):
            continue
        before = event.before.get(name)
        if before not in ("", None) and before != after:
            parts.append(f"{_word(name, before)} → {_word(name, after)}")
        else:
            parts.append(f"{_FIELDS.get(name, name)}: {_word(name, after)}")
    return ", ".join(parts)


def _word(name: str, value: Any) -> str:
    if name == "status":
        return str(dict(ActivityStatus.choices).get(value, value))
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return str(value)
