"""The games: a few in the suite, many in the long run."""

import pytest

from .play import play


@pytest.mark.fault(id="F24")
def test_no_adversary_loses_or_doubles_a_ticket(board):
    play(board, examples=10)


@pytest.mark.long
def test_no_adversary_loses_or_doubles_a_ticket_in_many_games(board):
    play(board, examples=400, steps=50)
