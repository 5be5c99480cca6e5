"""How a value looks: the one place that maps a value to its glyph, colour and word, for tables and templates alike."""

from ..dates import EMPTY, day, due, moment  # noqa: F401
from .figures import capped, number, part, percent, points, progress, score, step, weaknesses  # noqa: F401
from .icons import icon, pill, sprite  # noqa: F401
from .states import (  # noqa: F401
    activity_status,
    attempt_result,
    delivery_pill,
    device_state,
    event_kind,
    exception_status,
    facing,
    imported_status,
    inaccuracy_state,
    label,
    level,
    priority,
    recommendation_status,
    remote_state,
    ticket_pill,
    ticket_state,
)
from .texts import chip, device, linked, tags, threats, two_lines  # noqa: F401
