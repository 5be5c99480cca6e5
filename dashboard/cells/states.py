"""Levels, statuses and states: each with its drawing, its colour and its word."""

from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db.models import TextChoices
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from remediation.models import (
    ActivityStatus,
    AttemptResult,
    DeliveryState,
    DeviceState,
    EventKind,
    ExceptionStatus,
    ImportedStatus,
    InaccuracyState,
    RecommendationStatus,
    RemoteState,
    Ticket,
)

from ..dates import EMPTY
from ..glyphs import (
    ACTIVITY_STATUSES,
    ATTEMPT_RESULTS,
    DELIVERY_STATES,
    DEVICE_STATES,
    EVENT_KINDS,
    EXCEPTION_STATUSES,
    IMPORTED_STATUSES,
    INACCURACY_STATES,
    LEVEL_WORDS,
    LEVELS,
    RECOMMENDATION_STATUSES,
    REMOTE_STATES,
)
from .icons import icon, pill


def label(value: str, choices: Any = None) -> str:
    """The word of a code; an unknown code stands for itself."""
    return _label(value, choices, get_language()) if choices else str(value)


@lru_cache(maxsize=256)
def _label(value: str, choices: Any, language: str | None) -> str:
    return str(dict(choices.choices).get(value, value))


def level(value: str | None) -> SafeString:
    """Bars with their word: severities, exposure levels, priorities, device values."""
    return _level(value or "none", get_language())


@lru_cache(maxsize=64)
def _level(value: str, language: str | None) -> SafeString:
    glyph, colour = LEVELS.get(value, LEVELS["none"])
    return format_html('<span class="lv {}">{}{}</span>', colour, icon(glyph), LEVEL_WORDS.get(value, value))


priority = level


def activity_status(value: str) -> SafeString:
    return _status(value, get_language(), "activity")


def imported_status(value: str) -> SafeString:
    return _status(value, get_language(), "imported")


def device_state(value: str) -> SafeString:
    return _status(value, get_language(), "device")


def recommendation_status(value: str) -> SafeString:
    return _status(value, get_language(), "recommendation")


_STATUS_TABLES: dict[str, tuple[type[TextChoices], dict]] = {
    "activity": (ActivityStatus, ACTIVITY_STATUSES),
    "device": (DeviceState, DEVICE_STATES),
    "imported": (ImportedStatus, IMPORTED_STATUSES),
    "recommendation": (RecommendationStatus, RECOMMENDATION_STATUSES),
    "inaccuracy": (InaccuracyState, INACCURACY_STATES),
    "exception": (ExceptionStatus, EXCEPTION_STATUSES),
}


@lru_cache(maxsize=64)
def _status(value: str, language: str | None, table: str) -> SafeString:
    choices, glyphs = _STATUS_TABLES[table]
    glyph, tone = glyphs.get(value, ("circle", "muted"))
    return format_html(
        '<span class="st"><span class="{}">{}</span>{}</span>',
        tone,
        icon(glyph),
        dict(choices.choices).get(value, value),
    )


def ticket_pill(
    delivery: str | None, remote: str | None, next_attempt_at: datetime | None = None, attempts: int = 0
) -> SafeString:
    """One pill for both states: what stands remotely once it is there, how the delivery fares before."""
    if not delivery:
        return _no_ticket(get_language())
    if delivery == DeliveryState.DELIVERED and remote not in {None, RemoteState.UNKNOWN, RemoteState.PENDING}:
        return remote_state(remote)
    return delivery_pill(delivery, next_attempt_at, attempts)


@lru_cache(maxsize=16)
def _no_ticket(language: str | None) -> SafeString:
    return pill("dash-circle", "", _("No ticket"))


def delivery_pill(delivery: str, next_attempt_at: datetime | None = None, attempts: int = 0) -> SafeString:
    # An attempt that was asked to wait does not count, so their number says nothing here.
    waits = delivery == DeliveryState.READY and next_attempt_at and next_attempt_at > timezone.now()
    if waits:
        at = date_format(timezone.localtime(next_attempt_at), "H:i")
        return pill("arrow-repeat", "t-warn", _("Retrying at %(time)s") % {"time": at})
    glyph, tone = DELIVERY_STATES.get(delivery, ("circle", ""))
    return pill(glyph, tone, label(delivery, DeliveryState))


def ticket_state(ticket: Ticket) -> SafeString:
    return delivery_pill(ticket.delivery_state, ticket.next_attempt_at, ticket.attempts)


def remote_state(value: str | None) -> SafeString:
    if not value:
        return EMPTY
    glyph, tone = REMOTE_STATES.get(value, ("circle", ""))
    return pill(glyph, tone, label(value, RemoteState))


def facing(value: bool | None) -> SafeString:
    """Whether a device faces the internet; null is not known."""
    return EMPTY if value is None else _facing(value, get_language())


@lru_cache(maxsize=16)
def _facing(value: bool, language: str | None) -> SafeString:
    glyph, tone, word = ("globe", "warn", _("Yes")) if value else ("slash-circle", "muted", _("No"))
    return format_html('<span class="st"><span class="{}">{}</span>{}</span>', tone, icon(glyph), word)


def inaccuracy_state(value: str) -> SafeString:
    return _status(value, get_language(), "inaccuracy")


def exception_status(value: str) -> SafeString:
    return _status(value, get_language(), "exception")


def attempt_result(value: str) -> SafeString:
    return _state_pill(value, "attempt", get_language())


_PILL_TABLES: dict[str, tuple[type[TextChoices], dict]] = {
    "delivery": (DeliveryState, DELIVERY_STATES),
    "remote": (RemoteState, REMOTE_STATES),
    "attempt": (AttemptResult, ATTEMPT_RESULTS),
    "event": (EventKind, EVENT_KINDS),
}


@lru_cache(maxsize=128)
def _state_pill(value: str, table: str, language: str | None) -> SafeString:
    choices, glyphs = _PILL_TABLES[table]
    glyph, tone = glyphs.get(value, ("circle", ""))
    return pill(glyph, tone, dict(choices.choices).get(value, value))


def event_kind(value: str) -> SafeString:
    return _state_pill(value, "event", get_language())
