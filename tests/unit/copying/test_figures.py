"""What an account's figures change: as a rule nothing."""

from typing import Any

import pytest

from kopitra.domain.orders import MarginMode
from kopitra.domain.telemetry import AccountSnapshot
from kopitra.machine import commands
from kopitra.machine.events import MarginModeKnown
from tests.unit.copying.world import World, lots


@pytest.fixture
def world() -> World:
    return World()


def figures(world: World, **changes: Any) -> int:
    """How many events the figures led to."""
    fields: dict[str, Any] = {"login": 77, "server": "Broker", "balance": lots(10000), "currency": "USD"}
    follower = next(reversed(world.state.accounts))
    command = commands.TakeFigures(account=follower, snapshot=AccountSnapshot(**(fields | changes)))
    return len(world.do(command).events)


def test_a_hedging_account_that_says_so_is_no_news(world: World) -> None:
    world.follower()
    assert figures(world) == 0


def test_a_netting_account_is_an_event_once(world: World) -> None:
    follower = world.follower()
    assert [figures(world, mode=MarginMode.NETTING) for _ in range(3)] == [1, 0, 0]
    assert world.history[-1] == MarginModeKnown(account=follower, mode=MarginMode.NETTING)
    assert world.state.accounts[follower].mode is MarginMode.NETTING


def test_another_logins_figures_say_nothing_about_an_account(world: World) -> None:
    follower = world.follower()
    world.snapshot(follower)
    assert figures(world, login=78, mode=MarginMode.NETTING) == 0
    assert figures(world, server="Elsewhere", mode=MarginMode.NETTING) == 0
    assert figures(world, mode=MarginMode.NETTING) == 1
