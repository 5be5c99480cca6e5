"""The tests bite: with one rule of the protocol taken out, the test that is named for it fails."""

from collections.abc import Callable
from inspect import signature
from typing import Any

import pytest
from hypothesis import Phase

from tests.integrations.delivery import test_interleavings as interleavings
from tests.integrations.delivery.test_interleavings import LEASE

from .game import Game
from .killed_worker import rings_left_by_a_killed_worker
from .mutants import MUTANTS
from .play import play

RULES = {name for name, found in vars(Game).items() if hasattr(found, "hypothesis_stateful_rule")}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_caught_by_the_test_that_is_named_for_its_rule(name, request, monkeypatch):
    mutant = MUTANTS[name]
    fixtures = {each: request.getfixturevalue(each) for each in signature(mutant.caught_by).parameters}
    mutant.break_it(monkeypatch)

    with pytest.raises(AssertionError, match=mutant.says):
        mutant.caught_by(**fixtures)


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name, mutant in MUTANTS.items() if mutant.games_of])
def test_a_mutant_is_caught_by_random_games(name, board, monkeypatch):
    MUTANTS[name].break_it(monkeypatch)

    with pytest.raises(AssertionError, match=r"I\d+: "):
        play(consisting_of(MUTANTS[name].games_of, board), 2000, 50, Phase.generate)


def consisting_of(names: tuple[str, ...], board: type[Game]) -> type[Game]:
    """Games of these rules alone: with all others between them, the few steps that matter come together too rarely."""
    return type("ShortGame", (board,), {name: _no_rule(vars(Game)[name]) for name in RULES - set(names)})


def _no_rule(step: Callable[..., None]) -> Callable[..., None]:
    """The same, without the mark that makes it one of the moves."""

    def move(*arguments: Any, **named: Any) -> None:
        step(*arguments, **named)

    return move


@pytest.mark.long
@pytest.mark.parametrize("seconds", [190, 220, 250, 280, 299])
def test_without_the_quarantine_every_late_request_doubles_a_ticket(seconds, there, ticket, clock, monkeypatch):
    MUTANTS["no quarantine"].break_it(monkeypatch)

    with pytest.raises(AssertionError, match="doubled"):
        interleavings.a_late_request(there, ticket, clock, seconds)


@pytest.mark.long
@pytest.mark.parametrize("seconds", [LEASE, 2 * LEASE, 3_600, 86_400])
def test_without_the_lease_check_every_sleep_doubles_a_ticket(seconds, there, ticket, clock, monotonic, monkeypatch):
    MUTANTS["no lease check"].break_it(monkeypatch)

    with pytest.raises(AssertionError, match="doubled"):
        interleavings.a_worker_asleep(there, ticket, clock, seconds)


@pytest.mark.long
@pytest.mark.parametrize("fate", ["429", "403", "not_sent", "no_token"])
def test_without_the_fence_every_late_word_doubles_a_ticket(fate, there, ticket, clock, monotonic, monkeypatch):
    MUTANTS["no fence"].break_it(monkeypatch)

    with pytest.raises(AssertionError, match="doubled"):
        interleavings.a_word_of_an_old_claim(there, ticket, clock, fate)


@pytest.mark.long
@pytest.mark.parametrize(("acks_late", "left"), [(True, 1), (False, 0)])
def test_a_real_worker_that_is_killed_leaves_its_ring_unless_it_acknowledges_early(tmp_path, acks_late, left):
    assert rings_left_by_a_killed_worker(tmp_path, acks_late=acks_late) == left
