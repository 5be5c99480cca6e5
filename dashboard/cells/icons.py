"""The drawings of the sprite, alone and with a word."""

from functools import lru_cache
from typing import Any

from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString


@lru_cache(maxsize=1)
def _sprite_address() -> str:
    return static("sprite.svg")


def sprite(name: str) -> str:
    return f"{_sprite_address()}#{name}"


@lru_cache(maxsize=256)
def icon(name: str) -> SafeString:
    return format_html('<svg class="i" aria-hidden="true"><use href="{}"/></svg>', sprite(name))


def pill(glyph: str, tone: str, word: Any) -> SafeString:
    return _pill(glyph, tone, str(word))


@lru_cache(maxsize=256)
def _pill(glyph: str, tone: str, word: str) -> SafeString:
    return format_html('<span class="tk {}">{}{}</span>', tone, icon(glyph), word)
