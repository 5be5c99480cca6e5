"""A product that is released every week: each activity closes once, and no later release reopens it."""

import pytest

from .mutants import RELEASE_MUTANTS, break_rule
from .releases import RELEASES, play_releases

pytestmark = pytest.mark.django_db(transaction=True)


def judge(devices: int, seed: int, every: int) -> None:
    wrong, activities = play_releases(devices, seed, every)

    assert not wrong, f"{len(wrong)} wrong:\n" + "\n".join(wrong[:20])
    assert [activity.status for activity in activities] == ["completed"] * RELEASES
    assert sum(activity.next_version for activity in activities) == 0


@pytest.mark.once
def test_twelve_weekly_releases_close_twelve_activities_once():
    judge(120, seed=1, every=3)


@pytest.mark.long
def test_twelve_weekly_releases_over_five_thousand_devices_close_twelve_activities_once():
    judge(5_000, seed=2, every=1)


@pytest.mark.long
@pytest.mark.parametrize("mutant", RELEASE_MUTANTS)
def test_a_broken_rule_is_noticed(mutant, monkeypatch):
    break_rule(mutant, monkeypatch)

    with pytest.raises(AssertionError):
        judge(60, seed=1, every=3)
