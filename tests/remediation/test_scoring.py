"""The formula, by itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation import scoring

pytestmark = pytest.mark.once

risks = st.lists(st.floats(0.01, 1), min_size=1, max_size=80)


@given(risks, st.booleans())
def test_every_fix_lowers_a_devices_score(found: list[float], internet_facing: bool):
    before = scoring.device_score(scoring.device_risk(found, internet_facing))
    after = scoring.device_score(scoring.device_risk(found[1:], internet_facing))

    assert 0 <= after < before < 100


@pytest.mark.parametrize(
    ("risk_sum", "expected"), [(0, "none"), (1.28, "low"), (1.29, "medium"), (6.99, "medium"), (7, "high")]
)
def test_levels_begin_where_the_product_says(risk_sum: float, expected: str):
    assert scoring.level(scoring.device_score(risk_sum)) == expected


def test_a_low_epss_never_lowers_what_is_known_to_be_exploited():
    assert scoring.threat(0.001, "kit") == 0.7
    assert scoring.threat(0.001, "none", in_kev=True) == 0.85
    assert scoring.threat(0.001, "none", has_alert=True) == 1
    assert scoring.threat(None, "none") == 0.15


def test_a_high_device_weighs_more_than_a_normal_one_in_a_small_fleet():
    assert scoring.weight_high(5) == 2
    assert scoring.weight_high(100) == 10


@given(st.lists(st.integers(0, 50), min_size=3, max_size=3), st.lists(st.floats(0, 100), min_size=3, max_size=3))
def test_the_organisations_score_stays_between_0_and_100(devices: list[int], each: list[float]):
    sums = [count * score for count, score in zip(devices, each, strict=True)]

    assert 0 <= scoring.exposure_score(*devices, *sums) <= 100 + 1e-9


@given(st.lists(st.integers(1, 50), min_size=3, max_size=3), st.lists(st.floats(0, 50), min_size=3, max_size=3))
def test_the_promised_impact_is_the_difference_of_two_scores(devices: list[int], drops: list[float]):
    now = [60.0 * count for count in devices]
    dropped = [count * drop for count, drop in zip(devices, drops, strict=True)]
    then = [score - drop for score, drop in zip(now, dropped, strict=True)]

    promised = scoring.exposure_impact(*dropped, *devices)

    came_true = scoring.exposure_score(*devices, *now) - scoring.exposure_score(*devices, *then)
    assert promised == pytest.approx(came_true, abs=1e-9)


def test_a_configuration_earns_its_points_by_the_share_that_complies():
    settings = [(10.0, 100, 50), (5.0, 10, 10), (7.0, 0, 0)]

    assert scoring.configuration_score(settings) == pytest.approx(100 * (5 + 5) / 15)
    assert scoring.configuration_impact(10, 100, 50, 15) == pytest.approx(100 * 5 / 15)
    assert scoring.configuration_score([(3.0, 0, 0)]) is None


def test_a_day_on_which_more_left_than_there_were_adds_up_all_the_same():
    """Of several syncs on one day: who came is named after who went."""
    start = (1, 0, 0, 40.0, 0.0, 0.0)
    steps = [("gone", (-4, 3, 0, -90.0, 60.0, 0.0)), ("new", (3, 0, 0, 50.0, 0.0, 0.0))]

    points = scoring.telescope(start, steps)

    end = scoring.exposure_score(0, 3, 0, 0.0, 60.0, 0.0)
    assert sum(points.values()) == pytest.approx(end - scoring.exposure_score(*start), abs=1e-9)
