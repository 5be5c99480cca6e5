"""The cells of `dashboard.cells` for templates."""

from django import template
from django.http import QueryDict

from integrations.syncs import in_words

from .. import cells, charts, risk_cells, timeline

register = template.Library()

for _filter in (
    cells.level,
    cells.priority,
    cells.activity_status,
    cells.device_state,
    cells.recommendation_status,
    cells.moment,
    cells.day,
    cells.number,
    cells.capped,
    cells.score,
    cells.ticket_state,
    cells.remote_state,
    cells.facing,
    cells.inaccuracy_state,
    cells.exception_status,
    cells.attempt_result,
    cells.tags,
    cells.label,
    cells.weaknesses,
    cells.event_kind,
    timeline.event_detail,
    risk_cells.age,
    risk_cells.epss,
    risk_cells.exploit_level,
    risk_cells.kev,
):
    register.filter(_filter.__name__, _filter)

register.filter("duration", in_words)

register.simple_tag(cells.icon, name="icon")
register.simple_tag(cells.sprite, name="sprite")
register.simple_tag(cells.threats, name="threats")
register.simple_tag(cells.progress, name="progress")
register.simple_tag(cells.part, name="part")
register.simple_tag(cells.points, name="points")
register.simple_tag(cells.due, name="due")
register.simple_tag(cells.chip, name="chip")
register.simple_tag(charts.stacked_bar, name="stacked_bar")
register.simple_tag(cells.ticket_pill, name="ticket_pill")
register.simple_tag(cells.step, name="step")


@register.filter
def percent_of(part: float, whole: float) -> float:
    """Rounded to one decimal, for widths of bars."""
    return round(100 * part / whole, 1) if whole else 0.0


@register.filter
def item(mapping: object, name: str) -> object:
    """A value by its name, for what is asked for by name only."""
    return mapping[name]  # type: ignore[index]


@register.filter
def values_of(query: QueryDict, name: str) -> list[str]:
    """All that an address says under a name."""
    return [str(value) for value in query.getlist(name)]


@register.filter
def unlocalised(value: float) -> str:
    """A number for an SVG attribute: never with a comma."""
    return f"{value:g}"


@register.filter
def unsigned(value: int) -> int:
    return abs(value)
