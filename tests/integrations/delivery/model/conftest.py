"""The board of the games."""

from types import SimpleNamespace

import pytest

from integrations import connectors
from integrations.delivery import claim
from remediation import doorbell
from tests.factories import DeviceGroupFactory, UserFactory, estate

from .game import Game

MAY = ["remediation.handle_remediation", "remediation.complete_activity"]


@pytest.fixture
def board(db, monkeypatch) -> type[Game]:
    """Three recommendations, a player, a stranger; the monotonic clock is the game's, and rings wait in a list."""
    for _ in range(3):
        estate(devices=1)
    monkeypatch.setattr(Game, "player", UserFactory(may=MAY), raising=False)
    monkeypatch.setattr(Game, "stranger", UserFactory(device_groups=[DeviceGroupFactory()]), raising=False)
    monkeypatch.setattr(Game, "rings", [], raising=False)
    monkeypatch.setattr(doorbell, "call", lambda task, args: Game.rings.append(args[0]))
    monkeypatch.setattr(claim, "time", SimpleNamespace(monotonic=monotonic))
    monkeypatch.setitem(connectors.CONNECTORS, "intune", None)
    return Game


def monotonic() -> float:
    return Game.clock.monotonic()
