"""The text of a task, for the administrator who has to act on it: what, where, by when, and our marker last."""

import re
from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..base import Order
from ..foreign import cut, one_line, own_words

# The service's limit is not documented; this stays well below what its portal is known to show.
LONGEST = 8000
# So that no part pushes another out: letters of a list, a path, a name, the notes.
_LONGEST_LIST = 600
_LONGEST_PATH = 180
_LONGEST_NOTES = 2000
_MOST_NAMED = 12
_UPDATE_ID = re.compile(r"(?:KB)?(\d{6,8})", re.IGNORECASE)
_CATALOGUE = "https://catalog.update.microsoft.com/v7/site/Search.aspx?q=KB"


def describe(order: Order) -> str:
    """The description. However long the parts are, the last line is the marker, whole."""
    text = own_words("\n".join(_lines(order.facts, order)))
    room = LONGEST - len(order.marker) - 2
    if len(text) > room:
        text = text[: room - 1].rstrip() + "…"
    return f"{text}\n\n{order.marker}"


def _lines(facts: Any, order: Order) -> Iterable[str]:
    yield _action(facts, len(order.devices))
    yield ""
    yield _("Priority: %(priority)s. Due: %(day)s.") % {"priority": facts["priority"], "day": facts["due_on"]}
    yield from _devices(facts, order)
    if facts.get("from_versions") and facts["kind"] == "software":
        yield _("Installed versions: %(list)s") % {"list": _counted(facts["from_versions"])}
    yield _("Operating systems: %(list)s") % {"list": _counted(facts.get("systems", []))}
    yield _("Device groups: %(list)s") % {"list": _counted(facts.get("groups", []))}
    yield from _places(facts)
    if facts.get("weaknesses"):
        yield _("Weaknesses removed: %(all)d, with a known exploit: %(exploited)d") % {
            "all": facts["weaknesses"],
            "exploited": facts.get("exploited", 0),
        }
    yield ""
    part = f"{facts['url']}?part={facts.get('part', 1)}"
    yield _("Devices, installed files and progress: %(url)s") % {"url": part}
    yield _("List of the devices as CSV: %(url)s") % {"url": f"{part}&format=csv"}
    yield _when_checked(facts)
    if facts.get("notes"):
        yield ""
        yield _("Notes of the requester: %(notes)s") % {"notes": cut(facts["notes"], _LONGEST_NOTES)}


def _action(facts: Any, devices: int) -> str:
    """One sentence: from which version to which, on how many devices."""
    on = ngettext("on %(count)d device", "on %(count)d devices", devices) % {"count": devices}
    if facts["kind"] == "software" and facts["remediation"] in {"update", "upgrade"} and facts["to_version"]:
        product = one_line(facts["product"] or facts["component"])
        return _("%(what)s: bring %(product)s%(from)s to %(target)s or later %(on)s.") % {
            "what": facts["remediation_label"],
            "product": product,
            "from": _from(facts.get("from_versions") or []),
            "target": _target(facts),
            "on": on,
        }
    return f"{facts['remediation_label']}: {one_line(facts['title'])}, {on}."


def _from(versions: list[list[Any]]) -> str:
    """The version that most devices have; the list below names the others."""
    named = [one_line(version) for version, _count in versions if version]
    if not named:
        return ""
    others = len(versions) - 1
    more = ngettext(" and %(count)d other", " and %(count)d others", others) % {"count": others} if others else ""
    return _(" from version %(version)s") % {"version": named[0]} + more


def _target(facts: Any) -> str:
    """The version to have, of another program where the source recommends one."""
    program = one_line(facts.get("program", ""))
    version = _("version %(version)s") % {"version": one_line(facts["to_version"])}
    return f"{program} {version}" if program and program != one_line(facts["product"]) else version


def _devices(facts: Any, order: Order) -> Iterable[str]:
    here = len(order.devices)
    words = ngettext("%(count)d device in this task", "%(count)d devices in this task", here) % {"count": here}
    if facts.get("parts", 1) > 1:
        words += _(" (part %(part)d of %(parts)d)") % {"part": facts["part"], "parts": facts["parts"]}
    if not order.takes_devices:
        words += _("; the list is behind the link below")
    yield words + "."
    if facts.get("without_ticket"):
        yield _("Devices for which no task was opened yet: %(count)d.") % {"count": facts["without_ticket"]}
    if facts.get("unaddressed"):
        yield _("Devices without an Entra device id, which no task can name: %(count)d.") % {
            "count": facts["unaddressed"]
        }


def _places(facts: Any) -> Iterable[str]:
    if facts.get("disk_paths"):
        yield _("Files, for example: %(list)s") % {"list": _paths(facts["disk_paths"])}
    if facts.get("registry_paths"):
        yield _("Registry, for example: %(list)s") % {"list": _paths(facts["registry_paths"])}
    for update in facts.get("security_updates", []):
        found = _UPDATE_ID.fullmatch(update.strip())
        yield _("Security update: %(update)s") % {
            "update": f"KB{found[1]} ({_CATALOGUE}{found[1]})" if found else one_line(update)
        }


def _when_checked(facts: Any) -> str:
    words = _("Each complete sync checks the devices again; nothing has to be reported by hand.")
    if not facts.get("checked_every"):
        return words
    minutes = max(1, round(facts["checked_every"] / 60))
    every = ngettext("A sync runs every minute.", "A sync runs every %(count)d minutes.", minutes) % {"count": minutes}
    return f"{words} {every}"


def _paths(paths: list[str]) -> str:
    return cut("; ".join(cut(one_line(path), _LONGEST_PATH) for path in paths), _LONGEST_LIST)


def _counted(pairs: list[list[Any]]) -> str:
    shown = ", ".join(f"{one_line(name) or _('unknown')} ({count})" for name, count in pairs[:_MOST_NAMED])
    rest = len(pairs) - _MOST_NAMED
    return cut(shown, _LONGEST_LIST) + (_(", and %(count)d more") % {"count": rest} if rest > 0 else "")
