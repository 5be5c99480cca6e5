"""How the facts of a weakness look: exploit level, EPSS, catalogue of known exploited ones, age; and ends of life."""

from datetime import date
from typing import Any

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from remediation.models import ExploitLevel

from . import cells

_EXPLOITS = {
    ExploitLevel.PUBLIC: ("bug", "t-warn"),
    ExploitLevel.VERIFIED: ("bug", "t-bad"),
    ExploitLevel.KIT: ("bug", "t-bad"),
}


def exploit_level(value: str) -> SafeString:
    if value not in _EXPLOITS:
        return format_html('<span class="muted">{}</span>', cells.label(value, ExploitLevel))
    return cells.pill(*_EXPLOITS[ExploitLevel(value)], cells.label(value, ExploitLevel))


def short_exploit_level(value: str) -> SafeString:
    """For a column of many: nothing where nothing is known."""
    return exploit_level(value) if value in _EXPLOITS else cells.EMPTY


def epss(value: float | None) -> str:
    """A probability as per cent. Never 0 %: nothing is that sure."""
    if value is None:
        return "–"
    return _("%(number)s %%") % {"number": cells.number(100 * value, 1)} if value >= 0.001 else _("< 0.1 %")


def kev(added_on: date | None) -> SafeString:
    """The mark of a weakness in CISA's catalogue of known exploited vulnerabilities."""
    if not added_on:
        return format_html("")
    words = _("In the catalogue of known exploited vulnerabilities")
    return format_html('<span class="tk t-bad" title="{}">KEV</span>', words)


def age(since: date | None) -> str:
    """How long ago, in the largest unit that still says something."""
    if not since:
        return ""
    days = max(0, (timezone.localdate() - since).days)
    if days < 60:
        return ngettext("%(n)s day", "%(n)s days", days) % {"n": days}
    if days < 730:
        return ngettext("%(n)s month", "%(n)s months", days // 30) % {"n": days // 30}
    return ngettext("%(n)s year", "%(n)s years", days // 365) % {"n": days // 365}


def day_and_age(value: date | None) -> Any:
    if not value:
        return cells.EMPTY
    return format_html('{}<span class="d-block small muted">{}</span>', cells.day(value), age(value))
