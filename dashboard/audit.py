"""Audit events in words: what was done, to what, and what it changed."""

from collections.abc import Callable, Iterator
from typing import Any

from django.apps import apps
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from . import links
from .details.timeline import FIELDS, WORDS, word

# What happens to an activity and its tickets has its words in its timeline.
ALL_WORDS: dict[str, tuple[str, Any]] = WORDS | {
    "add": ("plus-lg", gettext_lazy("added")),
    "create": ("plus-lg", gettext_lazy("created")),
    "change": ("tools", gettext_lazy("changed")),
    "change password": ("lock", gettext_lazy("changed the password of")),
    "confirm identity": ("lock", gettext_lazy("confirmed the identity of")),
    "fail to confirm identity": ("exclamation-triangle", gettext_lazy("failed to confirm the identity of")),
    "switch on": ("plug", gettext_lazy("switched on")),
    "switch off": ("plug", gettext_lazy("switched off")),
    "test connection": ("plug", gettext_lazy("tested the connection to")),
    "test with writing": ("plug", gettext_lazy("tested the connection, with writing, to")),
    "learn": ("lightbulb", gettext_lazy("learnt about")),
    "export": ("download", gettext_lazy("exported")),
    "restore": ("arrow-repeat", gettext_lazy("took over a restored backup:")),
    "forget": ("x-circle", gettext_lazy("deleted after their time")),
    "set device values": ("pc-display", gettext_lazy("set device values")),
    "report inaccuracy": ("exclamation-circle", gettext_lazy("reported an inaccuracy")),
    "close inaccuracy": ("check-circle", gettext_lazy("answered a report of an inaccuracy")),
    "confirm": ("check-lg", gettext_lazy("confirmed a sync that was held back")),
    "sync_complete": ("arrow-repeat", gettext_lazy("completed a sync")),
    "sync_applied": ("arrow-repeat", gettext_lazy("applied the changes of the source")),
    "sync_partial": ("exclamation-triangle", gettext_lazy("applied a part of a sync")),
    "sync_held": ("exclamation-triangle", gettext_lazy("held a sync back")),
    "sync_failed": ("x-circle", gettext_lazy("failed to sync")),
    "feed_read": ("lightbulb", gettext_lazy("read published facts")),
    "feed_failed": ("exclamation-triangle", gettext_lazy("could not read published facts")),
}
SUBJECTS: dict[str, Any] = {
    "remediation.remediationactivity": gettext_lazy("Activity"),
    "remediation.ticket": gettext_lazy("Ticket"),
    "remediation.recommendationexception": gettext_lazy("Exception"),
    "remediation.device": gettext_lazy("Device"),
    "remediation.devicegroup": gettext_lazy("Device group"),
    "remediation.inaccuracyreport": gettext_lazy("Report of an inaccuracy"),
    "remediation.user": gettext_lazy("Person"),
    "auth.group": gettext_lazy("Role"),
    "remediation.ticketsystem": gettext_lazy("Ticket system"),
    "remediation.feed": gettext_lazy("Published facts"),
    "integrations.syncrun": gettext_lazy("Sync"),
    "list": gettext_lazy("Exported list"),
    "records": gettext_lazy("Records"),
}
_PAGES: dict[str, Callable[[str], str]] = {
    "remediation.remediationactivity": lambda key: reverse("activity", args=[key]),
    "remediation.recommendationexception": lambda key: reverse("exception", args=[key]),
    "remediation.device": lambda key: links.device(int(key)),
    "remediation.inaccuracyreport": lambda key: reverse("inaccuracy", args=[key]),
    "remediation.ticketsystem": lambda key: reverse("settings_features"),
    "remediation.feed": lambda key: reverse("settings_sources"),
    "integrations.syncrun": lambda key: reverse("settings_sync", args=[key]),
}
# A cell names so many of what was added or taken; the file has all of them.
_NAMED = 8
_NOTHING: tuple[Any, ...] = (None, "", [], {})


def deed(verb: str) -> tuple[str, str]:
    """The icon and the words of a verb."""
    icon, what = ALL_WORDS.get(verb, ("circle", verb.replace("_", " ")))
    return icon, str(what)


def kind_of_subject(label: str) -> str:
    if label in SUBJECTS:
        return str(SUBJECTS[label])
    try:
        return str(apps.get_model(label)._meta.verbose_name).capitalize()
    except (LookupError, ValueError):
        return label


def address_of_subject(label: str, key: str, activity: int | None = None) -> str:
    """Its page, where it has one. `activity`: that of a ticket."""
    if label == "remediation.ticket":
        return f"{reverse('activity', args=[activity])}#tickets" if activity else ""
    return _PAGES[label](key) if label in _PAGES and key.isdigit() else ""


def changes(before: dict[str, Any], after: dict[str, Any]) -> str:
    """What differs, before → after; what stayed as it was is left out."""
    earlier = before | ({"remote_state": after["was"]} if "was" in after else {})
    names = [name for name in [*after, *(name for name in earlier if name not in after)] if name != "was"]
    told = [(name, list(_change(name, earlier, after))) for name in names]
    return "; ".join(f"{FIELDS.get(name, name.replace('_', ' '))}: {', '.join(parts)}" for name, parts in told if parts)


def _change(name: str, before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    old, new = before.get(name), after.get(name)
    if old == new or (old in _NOTHING and new in _NOTHING):
        return
    if isinstance(old, list) and (new is None or isinstance(new, list)):
        yield from _differences(old, new or [])
    elif old in _NOTHING:
        yield _said(name, new)
    else:
        yield f"{_said(name, old)} → {_said(name, new)}"


def _differences(old: list[Any], new: list[Any]) -> Iterator[str]:
    """+ Security team, − Viewer"""
    signed = [f"+ {item}" for item in new if item not in old] + [f"− {item}" for item in old if item not in new]
    yield from signed[:_NAMED]
    if len(signed) > _NAMED:
        yield _("and %(count)s more") % {"count": len(signed) - _NAMED}


def _said(name: str, value: Any) -> str:
    if value in _NOTHING:
        return _("nothing")
    if isinstance(value, dict):
        return ", ".join(f"{key} {_said('', inner)}" for key, inner in value.items())
    if isinstance(value, list):
        # Rows by their numbers say nothing; texts do.
        return ", ".join(value) if all(isinstance(item, str) for item in value) else f"({len(value)})"
    return word(name, value)
