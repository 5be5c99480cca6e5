"""How moments and days look: in the reader's zone, near ones short."""

from datetime import date, datetime
from functools import lru_cache

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from remediation.models import ActivityStatus

EMPTY = format_html('<span class="muted">{}</span>', "–")


def moment(value: datetime | None) -> SafeString:
    """An event's time in the reader's zone; the full one, with the zone, in the tooltip."""
    if not value:
        return EMPTY
    local, language = timezone.localtime(value), get_language()
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        value.isoformat(),
        f"{_whole_day(local.date(), language)}, {local:%H:%M:%S} {local.tzname()}",
        _short_moment(local, language),
    )


def _short_moment(local: datetime, language: str | None) -> str:
    today = timezone.localdate()
    days = (today - local.date()).days
    if days in {0, 1}:
        words = _("today %(time)s") if days == 0 else _("yesterday %(time)s")
        return words % {"time": f"{local:%H:%M}"}
    near = abs(days) < 300
    short = _short_day(local.date(), near, language)
    return f"{short} {local:%H:%M}" if near else short


@lru_cache(maxsize=2048)
def _whole_day(value: date, language: str | None) -> str:
    return date_format(value, "j F Y")


@lru_cache(maxsize=2048)
def _short_day(value: date, near: bool, language: str | None) -> str:
    return date_format(value, "j M" if near else "j M Y")


def day(value: date | None) -> SafeString:
    if not value:
        return EMPTY
    if isinstance(value, datetime):
        value = timezone.localtime(value).date()
    return _day(value, timezone.localdate(), get_language())


@lru_cache(maxsize=2048)
def _day(value: date, today: date, language: str | None) -> SafeString:
    near = abs((today - value).days) < 300
    return format_html(
        '<time datetime="{}">{}</time>', value.isoformat(), date_format(value, "j M" if near else "j M Y")
    )


def due(value: date | None, status: str) -> SafeString:
    """A due date; overdue only while the work is active."""
    if not value:
        return EMPTY
    today, language = timezone.localdate(), get_language()
    if status != ActivityStatus.ACTIVE or value >= today:
        return _day(value, today, language)
    return _overdue(value, today, language)


@lru_cache(maxsize=2048)
def _overdue(value: date, today: date, language: str | None) -> SafeString:
    words = _("Overdue %(days)s d") % {"days": (today - value).days}
    return format_html('{}<span class="bad d-block small">{}</span>', _day(value, today, language), words)
