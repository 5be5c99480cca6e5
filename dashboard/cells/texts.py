"""Names with their links, tags, and the signs of threats."""

from collections.abc import Iterable
from functools import lru_cache

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from .. import links
from .icons import icon


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
