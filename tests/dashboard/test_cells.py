"""Each level, status and state has a glyph and a word, and hostile text stays text."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from dashboard import cells, glyphs
from remediation import models

SPRITE = (Path(settings.BASE_DIR) / "static/sprite.svg").read_text()
TABLES = [
    (glyphs.ACTIVITY_STATUSES, models.ActivityStatus),
    (glyphs.DEVICE_STATES, models.DeviceState),
    (glyphs.RECOMMENDATION_STATUSES, models.RecommendationStatus),
    (glyphs.DELIVERY_STATES, models.DeliveryState),
    (glyphs.REMOTE_STATES, models.RemoteState),
    (glyphs.ATTEMPT_RESULTS, models.AttemptResult),
]


@pytest.mark.parametrize(("table", "choices"), TABLES)
def test_every_state_has_a_glyph_of_the_sprite(table, choices):
    assert set(table) == set(choices)
    assert all(f'id="{glyph}"' in SPRITE for glyph, _ in table.values())


@pytest.mark.parametrize(
    "value", [*models.Severity, *models.ExposureLevel, *models.Priority, *models.DeviceValue], ids=str
)
def test_every_level_has_bars_and_a_word(value):
    assert value.value in glyphs.LEVELS
    assert str(value.label) in cells.level(value.value)


@pytest.mark.parametrize("delivery", [*models.DeliveryState, None])
@pytest.mark.parametrize("remote", [*models.RemoteState, None])
def test_every_pair_of_ticket_states_has_a_pill(delivery, remote):
    assert 'class="tk' in cells.ticket_pill(delivery, remote)


def test_a_ticket_that_waits_for_its_next_try_says_when():
    at = timezone.now() + timedelta(hours=1)

    pill = cells.ticket_pill("ready", "unknown", at, 2)

    assert f"Retrying at {timezone.localtime(at):%H:%M}" in pill


def test_a_moment_is_shown_in_the_readers_zone_and_kept_in_utc():
    moment = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)

    with timezone.override("Asia/Tokyo"):
        shown = cells.moment(moment)

    assert 'datetime="2026-01-31T23:30:00+00:00"' in shown
    assert "1 February 2026, 08:30:00 JST" in shown


def test_only_active_work_is_overdue():
    yesterday = timezone.localdate() - timedelta(days=1)

    assert "Overdue 1 d" in cells.due(yesterday, "active")
    assert "Overdue" not in cells.due(yesterday, "completed")
    assert "Overdue" not in cells.due(timezone.localdate(), "active")


def test_progress_reaches_a_hundred_percent_only_when_all_are_fixed():
    assert "99%" in cells.progress(9_999, 10_000)
    assert "100%" in cells.progress(10_000, 10_000)


def test_hostile_text_is_escaped():
    hostile = '<img src=x onerror="alert(1)">'

    assert "<img" not in cells.tags([hostile]) + cells.chip(hostile, hostile, hostile) + cells.linked(hostile, hostile)


def test_an_unknown_code_is_shown_as_it_is():
    assert "from the future" in cells.activity_status("from the future")
    assert "from the future" in cells.remote_state("from the future")


@pytest.mark.parametrize(
    ("value", "decimals", "shown"),
    [(30.97, 0, "31"), (4.199, 2, "4.20"), (1234.56, 1, "1,234.6"), (-0.04, 1, "0.0"), (None, 1, "–"), (7, 0, "7")],
)
def test_numbers_are_rounded_and_never_cut_off(value, decimals, shown):
    assert cells.number(value, decimals) == shown
