"""Numbers, points and shares."""

from functools import lru_cache

from django.utils.formats import number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from ..dates import EMPTY
from ..numbers import CAP
from .icons import icon


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


def weaknesses(count: int) -> str:
    return ngettext("%(number)s weakness", "%(number)s weaknesses", count) % {"number": number(count)}
