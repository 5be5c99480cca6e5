"""The text of a task, for the administrator who has to act on it: what, where, by when, and our marker last."""

from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from remediation.markers import without_markers

from ..base import Order
from ..foreign import clean

# The service's limit is not documented; this stays well below what its portal is known to show.
LONGEST = 8000
_LONGEST_NOTES = 2000
_MOST_NAMED = 12


def describe(order: Order) -> str:
    """The description. However long the parts are, the last line is the marker, whole."""
    text = without_markers(clean("\n".join(_lines(order.facts, order))))
    room = LONGEST - len(order.marker) - 2
    if len(text) > room:
        text = text[: room - 1].rstrip() + "…"
    return f"{text}\n\n{order.marker}"


def _lines(facts: Any, order: Order) -> Iterable[str]:
    yield _action(facts)
    yield ""
    yield _("Priority: %(priority)s. Due: %(day)s.") % {"priority": facts["priority"], "day": facts["due_on"]}
    yield _devices(facts, order)
    if facts.get("from_versions") and facts["kind"] == "software":
        yield _("Installed versions: %(list)s") % {"list": _counted(facts["from_versions"])}
    yield _("Operating systems: %(list)s") % {"list": _counted(facts.get("systems", []))}
    yield _("Device groups: %(list)s") % {"list": _counted(facts.get("groups", []))}
    if facts.get("weaknesses"):
        yield _("Weaknesses removed: %(all)d, with a known exploit: %(exploited)d") % {
            "all": facts["weaknesses"],
            "exploited": facts.get("exploited", 0),
        }
    yield _("Devices, installed files and progress: %(url)s") % {"url": facts["url"]}
    yield _("Each complete sync checks the devices again; nothing has to be reported by hand.")
    if facts.get("notes"):
        yield ""
        yield _("Notes of the requester: %(notes)s") % {"notes": _cut(facts["notes"], _LONGEST_NOTES)}


def _action(facts: Any) -> str:
    if facts["kind"] == "software" and facts["remediation"] in {"update", "upgrade"} and facts["to_version"]:
        return _("%(title)s: bring %(product)s to version %(version)s or later.") % {
            "title": facts["title"],
            "product": facts["product"] or facts["component"],
            "version": facts["to_version"],
        }
    return f"{facts['remediation_label']}: {facts['title']}."


def _devices(facts: Any, order: Order) -> str:
    here = len(order.devices)
    words = ngettext("%(count)d device in this task", "%(count)d devices in this task", here) % {"count": here}
    if facts.get("parts", 1) > 1:
        words += _(" (part %(part)d of %(parts)d)") % {"part": facts["part"], "parts": facts["parts"]}
    if not order.takes_devices:
        words += _("; the list is behind the link below")
    return words + "."


def _counted(pairs: list[list[Any]]) -> str:
    shown = ", ".join(f"{name or _('unknown')} ({count})" for name, count in pairs[:_MOST_NAMED])
    rest = len(pairs) - _MOST_NAMED
    return shown + (_(", and %(count)d more") % {"count": rest} if rest > 0 else "")


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
