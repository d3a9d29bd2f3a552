"""Random trades of two leaders while brokers, terminals and processes fail: whatever the accounts are, the follower
ends with what its leaders have, and on a netting account with what its owner has beside it."""

from collections.abc import Sequence
from decimal import Decimal
from random import Random

import pytest

from kopitra.domain.orders import MarginMode
from kopitra.machine.state import Account
from kopitra.simulation.broker.faults import FaultRates
from kopitra.simulation.broker.operations import PlanFaults
from kopitra.simulation.virtual_time import VirtualTime, run_virtual
from tests.simulation.platform import LEADER, SimulatedPlatform
from tests.simulation.test_netting import (
    BUY,
    COMBINATIONS,
    CRASHES,
    FOLLOWER,
    OTHER,
    SELL,
    crash,
    exposure,
    reduce,
    started,
)

NETTED = {"increase", "reverse"}
"""Signals of leaders on netting accounts only."""
SEEDS = 4
TRADES = 30
RATES = FaultRates(
    requote=60,
    partial=80,
    timeout=20,
    timeout_executed=40,
    request_lost=30,
    answer_lost=40,
    delay_ms=(0, 300),
)
"""More than a quarter of the follower's requests go wrong."""


def lots(draws: Random) -> str:
    """Even hundredths, so that half of it is no rounded figure."""
    return str(Decimal(draws.randint(1, 60)) * 2 / 100)


def trade(platform: SimulatedPlatform, draws: Random) -> None:
    """One random trade of one leader."""
    name = draws.choice([LEADER, OTHER])
    party = platform.parties[name]
    nets = party.terminal.desk.account().mode is MarginMode.NETTING
    closes = party.positions and draws.random() < (0.25 if nets else 0.5)
    if not closes and (nets or len(party.positions) < 4):
        platform.open_by_hand(name, draws.choice([BUY, SELL]), lots(draws))
        return
    held = draws.choice(party.positions)
    part = min(held.volume, Decimal(lots(draws))) if draws.random() < 0.5 else held.volume
    if nets:
        platform.open_by_hand(name, held.side.opposite, str(part))
    else:
        platform.by_hand(name, position=held.ticket, side=held.side.opposite, volume=part)


async def trouble(platform: SimulatedPlatform, draws: Random, pauses: Sequence[float]) -> None:
    await platform.time.sleep(draws.choice(pauses))
    if draws.random() < 0.08:
        await crash(platform, draws.choice(CRASHES))
    if draws.random() < 0.05:
        terminal = platform.parties[FOLLOWER].terminal
        terminal.crash()
        await platform.time.sleep(draws.choice([0.5, 5.0]))
        terminal.restart()


async def close_everything(platform: SimulatedPlatform) -> None:
    for name in (LEADER, OTHER):
        while platform.parties[name].positions:
            reduce(platform, name, str(platform.parties[name].positions[0].volume))
            await platform.time.sleep(0.2)


def books(platform: SimulatedPlatform) -> Account:
    assert platform.service is not None
    return platform.service.core.engine.state.accounts[FOLLOWER]  # type: ignore[index]


def _was_told(platform: SimulatedPlatform, action: str) -> bool:
    return any(f'"action":"{action}"' in line for line in platform.trace)


@pytest.mark.parametrize(("leaders", "follower"), COMBINATIONS)
def test_what_leaders_closed_is_closed_whatever_went_wrong(
    leaders: MarginMode, follower: MarginMode, seed: int
) -> None:
    async def main(time: VirtualTime, draws: Random) -> None:
        platform = await started(time, leaders, follower)
        desk = platform.parties[FOLLOWER].terminal.desk
        desk.operate(PlanFaults(at=time.now(), rates=RATES))
        for _ in range(TRADES):
            trade(platform, draws)
            await trouble(platform, draws, (0.01, 0.1, 0.5, 2.0, 8.0))
        desk = platform.parties[FOLLOWER].terminal.desk
        desk.operate(PlanFaults(at=time.now(), rates=FaultRates(), clear=True))
        await close_everything(platform)
        await platform.until(lambda: not platform.parties[FOLLOWER].positions, 600)
        await time.sleep(60)
        told.update(action for action in NETTED if _was_told(platform, action))
        assert platform.parties[FOLLOWER].positions == []
        assert [copy for copy in books(platform).following.copies.values() if copy.live] == []

    told: set[str] = set()
    for number in range(seed, seed + SEEDS):
        draws = Random(f"{number}-{leaders}-{follower}")
        run_virtual(number, lambda time, draws=draws: main(time, draws))
    if leaders is MarginMode.NETTING:
        assert told == NETTED


@pytest.mark.parametrize("leaders", MarginMode)
def test_what_the_owner_has_beside_his_copies_is_left_to_him(leaders: MarginMode, seed: int) -> None:
    async def main(time: VirtualTime, draws: Random) -> None:
        platform = await started(time, leaders, MarginMode.NETTING)
        for _ in range(TRADES):
            trade(platform, draws)
            await trouble(platform, draws, (0.05, 1.0, 4.0))
            if draws.random() < 0.25:
                platform.open_by_hand(FOLLOWER, draws.choice([BUY, SELL]), lots(draws))
            await trouble(platform, draws, (0.05, 1.0, 9.0))
        await close_everything(platform)
        await time.sleep(400)
        account = books(platform)
        known = account.following.nets.get("EURUSD")
        assert [copy for copy in account.following.copies.values() if copy.live] == []
        assert exposure(platform, FOLLOWER) == (known.manual if known is not None else 0)
        assert not account.outbox
        assert not account.held_back

    for number in range(seed, seed + SEEDS):
        draws = Random(f"hands-{number}-{leaders}")
        run_virtual(number, lambda time, draws=draws: main(time, draws))
