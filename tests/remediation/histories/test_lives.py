"""Thousands of device lives: no false proof, no false reopening, and no regression that two complete syncs overlook."""

import pytest

from .mutants import MUTANTS, break_rule
from .play import play

pytestmark = pytest.mark.django_db(transaction=True)


def judge(devices: int, seed: int) -> None:
    verdict = play(devices, seed)

    print(devices, "lives:", {name: value for name, value in vars(verdict).items() if name != "wrong"})
    assert not verdict.wrong, f"{len(verdict.wrong)} wrong:\n" + "\n".join(verdict.wrong[:20])
    # That it was about something.
    assert min(verdict.fixed, verdict.completed, verdict.regressed, verdict.reopened, verdict.waited) > 0


@pytest.mark.once
def test_hundreds_of_lives_are_judged_as_they_were():
    judge(200, seed=1)


@pytest.mark.long
def test_ten_thousand_lives_are_judged_as_they_were():
    judge(10_000, seed=2)


@pytest.mark.long
@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_broken_rule_is_noticed(mutant, monkeypatch):
    break_rule(mutant, monkeypatch)

    assert play(200, seed=1).wrong
