"""How a value looks: the one place that maps a value to its glyph, colour and word, for tables and templates alike."""

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db.models import TextChoices
from django.templatetags.static import static
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language, ngettext
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

from . import links
from .dates import EMPTY, day, due, moment  # noqa: F401 (cells too, with a file of their own)
from .glyphs import (
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
from .numbers import CAP


# --- Glyphs ------------------------------------------------------------
@lru_cache(maxsize=1)
def _sprite_address() -> str:
    return static("sprite.svg")


def sprite(name: str) -> str:
    return f"{_sprite_address()}#{name}"


@lru_cache(maxsize=256)
def icon(name: str) -> SafeString:
    return format_html('<svg class="i" aria-hidden="true"><use href="{}"/></svg>', sprite(name))


# --- Levels, statuses, pills ------------------------------------------------------------
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


def pill(glyph: str, tone: str, word: Any) -> SafeString:
    return _pill(glyph, tone, str(word))


@lru_cache(maxsize=256)
def _pill(glyph: str, tone: str, word: str) -> SafeString:
    return format_html('<span class="tk {}">{}{}</span>', tone, icon(glyph), word)


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


# --- Numbers ------------------------------------------------------------
def number(value: float | None, decimals: int = 0) -> str:
    if value is None or value == "":
        return "–"
    return _number(value, decimals, get_language())


@lru_cache(maxsize=4096)
def _number(value: float, decimals: int, language: str | None) -> str:
    # Rounded first: by itself number_format cuts off what is beyond the decimals.
    return number_format(round(value, decimals) or 0, decimal_pos=decimals, force_grouping=True)


def capped(value: int) -> str:
    """A count that stopped at the cap says so."""
    return f"{number(CAP)}+" if value > CAP else number(value)


def score(value: float | None) -> str:
    return "–" if value is None or value == "" else number(value)


def part(value: int, whole: int) -> SafeString:
    """2,914 / 4,398"""
    return format_html('{} <span class="muted hide-s">/ {}</span>', number(value), number(whole))


def points(exposure: float | None, configuration: float | None = None) -> SafeString:
    """Impact: the exposure score falls, the configuration score rises; both are good."""
    cells = []
    if exposure:
        cells.append(("arrow-down", exposure, _("points off the exposure score")))
    if configuration:
        cells.append(("arrow-up", configuration, _("points on the configuration score")))
    if not cells:
        return EMPTY
    return format_html_join(
        " ",
        '<span class="ok st" title="{}">{}{}<span class="visually-hidden"> {}</span></span>',
        ((words, icon(glyph), _points(value), words) for glyph, value, words in cells),
    )


def step(value: float | None) -> SafeString:
    """How far the exposure score went up or down, with its sign in a word."""
    if value is None:
        return EMPTY
    if abs(value) < 0.005:
        return format_html('<span class="muted">{}</span>', number(0, 2))
    glyph, css, words = ("arrow-up", "bad", _("up")) if value > 0 else ("arrow-down", "ok", _("down"))
    return format_html(
        '<span class="{} st">{}<span class="visually-hidden">{} </span>{}</span>',
        css, icon(glyph), words, number(abs(value), 2),
    )  # fmt: skip


def _points(value: float) -> str:
    return number(value, 2) if value >= 0.005 else "<" + number(0.01, 2)


def percent(value: int, whole: int) -> int:
    """Rounded down, so that 100 % means all."""
    return 100 * value // whole if whole else 0


def progress(fixed: int, targets: int) -> SafeString:
    if not targets:
        return EMPTY
    share = percent(fixed, targets)
    return format_html(
        '<span class="row-f flex-nowrap text-nowrap small mb-1"><b>{}%</b>'
        '<span class="muted ms-auto">{} / {}</span></span>'
        '<svg class="bar{}" aria-hidden="true"><rect width="{}%" height="100%"/></svg>',
        share, number(fixed), number(targets), " b-ok" if fixed >= targets else "", share,
    )  # fmt: skip


# --- Texts ------------------------------------------------------------
def threats(alert: bool, exploit: bool, insight: bool = False) -> SafeString:
    """Three fixed slots, so that rows compare down the column."""
    return _threats(bool(alert), bool(exploit), bool(insight), get_language())


@lru_cache(maxsize=64)
def _threats(alert: bool, exploit: bool, insight: bool, language: str | None) -> SafeString:
    slots = [
        (alert, "th-a", "bullseye", _("Active alert")),
        (exploit, "th-e", "bug", _("Public exploit")),
        (insight, "th-i", "lightbulb", _("Insight")),
    ]
    if not (alert or exploit or insight):
        return format_html('<span class="visually-hidden">{}</span>', _("No threat known"))
    return format_html(
        '<span class="threats">{}</span>',
        format_html_join(
            "",
            '<span class="{}" title="{}">{}<span class="visually-hidden">{}. </span></span>',
            ((css, words, icon(glyph), words) for is_set, css, glyph, words in slots if is_set),
        ),
    )


def tags(values: Iterable[str] | None) -> SafeString:
    return format_html_join(" ", '<span class="tag">{}</span>', ((str(value),) for value in values or []))


def chip(name: str, value: str, remove: str) -> SafeString:
    """An active filter with the link that removes it."""
    return format_html(
        '<span class="chip">{} <b class="text-truncate">{}</b><a href="{}" aria-label="{}">{}</a></span>',
        name, value, remove, _("Remove filter %(name)s %(value)s") % {"name": name, "value": value}, icon("x-lg"),
    )  # fmt: skip


def label(value: str, choices: Any = None) -> str:
    """The word of a code; an unknown code stands for itself."""
    return _label(value, choices, get_language()) if choices else str(value)


@lru_cache(maxsize=256)
def _label(value: str, choices: Any, language: str | None) -> str:
    return str(dict(choices.choices).get(value, value))


def two_lines(first: str, second: str) -> SafeString:
    """What names a row, and below it what identifies it."""
    return format_html('<span class="t">{}</span><span class="small muted">{}</span>', first, second)


def linked(address: str, first: str, second: str = "") -> SafeString:
    """What names a row as the link to its page, and below it what identifies it."""
    return format_html(
        '<a class="t text-break" href="{}">{}</a><span class="small muted">{}</span>', address, first, second
    )


def device(pk: int, name: str, second: str = "") -> SafeString:
    return format_html(
        '<a class="t text-truncate" href="{}" title="{}">{}</a><span class="small muted">{}</span>',
        links.device(pk), name, name, second,
    )  # fmt: skip


def event_kind(value: str) -> SafeString:
    return _state_pill(value, "event", get_language())


def weaknesses(count: int) -> str:
    return ngettext("%(number)s weakness", "%(number)s weaknesses", count) % {"number": number(count)}
