"""Delay, sandbox, pending orders and risk as a subscriber meets them: real agents, simulated brokers, one platform."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from kopitra.domain.orders import OrderType, Side
from kopitra.domain.quotes import Quote
from kopitra.simulation.broker.records import PendingOrder
from kopitra.simulation.virtual_time import VirtualTime, run_virtual
from kopitra_agent.settings import Role
from tests.simulation.platform import LEADER, Party, SimulatedPlatform

Story = Callable[[SimulatedPlatform, Party, Party], Awaitable[None]]
SAME: dict[str, Any] = {"sizing": {"mode": "same_volume"}}


def play(seed: int, rules: dict[str, Any], story: Story) -> None:
    async def main(time: VirtualTime) -> None:
        platform = SimulatedPlatform(time)
        leader = platform.party(LEADER, Role.LEADER, deposit=1_000_000)
        follower = platform.party("follower", Role.FOLLOWER, deposit=100_000)
        platform.start_counterparty()
        await platform.configure({"follower": rules})
        platform.quote("EURUSD", "1.10000", "1.10010")
        for name in platform.parties:
            platform.start_agent(name)
        await time.sleep(10)
        await story(platform, leader, follower)

    run_virtual(seed, main)


def orders(party: Party) -> list[PendingOrder]:
    return list(party.terminal.desk.broker.state.orders.values())


def deals_in(party: Party) -> int:
    deals = party.terminal.desk.broker.state.deals
    return sum(deal.entry == "in" for deal in deals if deal.kind == "trade")


def price_for(platform: SimulatedPlatform, party: Party, bid: str, ask: str) -> None:
    """A quote of one broker alone."""
    party.terminal.desk.take_quotes([Quote("EURUSD", Decimal(bid), Decimal(ask), platform.time.now())])


async def both_rest(platform: SimulatedPlatform, leader: Party, follower: Party) -> None:
    platform.by_hand(
        LEADER,
        action="pending",
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        volume=Decimal(1),
        price=Decimal("1.09900"),
    )
    await platform.until(lambda: len(orders(follower)) == 1)


def fill_leaders(platform: SimulatedPlatform, leader: Party) -> None:
    [order] = orders(leader)
    platform.by_hand(LEADER, action="fill", order=order.ticket)


def close_leaders(platform: SimulatedPlatform, leader: Party) -> None:
    [position] = leader.positions
    platform.by_hand(LEADER, position=position.ticket, side=position.side.opposite, volume=position.volume)


def test_a_delayed_copy_is_opened_when_its_time_comes(seed: int) -> None:
    async def story(platform: SimulatedPlatform, leader: Party, follower: Party) -> None:
        began = platform.time.monotonic()
        platform.open_by_hand(LEADER, Side.BUY, "1")
        await platform.until(lambda: follower.positions, 30)
        assert 10 <= platform.time.monotonic() - began < 11
        close_leaders(platform, leader)
        await platform.until(lambda: not follower.positions, 5)
        platform.open_by_hand(LEADER, Side.BUY, "1")
        await platform.time.sleep(5)
        close_leaders(platform, leader)
        await platform.time.sleep(60)
        assert deals_in(follower) == 1

    play(seed, SAME | {"delaySeconds": 10}, story)


def test_a_subscription_in_sandbox_trades_nothing() -> None:
    async def story(platform: SimulatedPlatform, leader: Party, follower: Party) -> None:
        platform.open_by_hand(LEADER, Side.BUY, "1")
        await platform.time.sleep(60)
        close_leaders(platform, leader)
        await platform.time.sleep(60)
        assert deals_in(follower) == 0
        assert platform.service is not None
        account = platform.service.core.engine.state.accounts["follower"]  # type: ignore[index]
        assert not account.following.paper

    play(3, SAME | {"sandbox": True}, story)


def test_a_copy_that_rests_while_its_leaders_was_filled_enters_at_market() -> None:
    async def story(platform: SimulatedPlatform, leader: Party, follower: Party) -> None:
        await both_rest(platform, leader, follower)
        fill_leaders(platform, leader)
        await platform.until(lambda: follower.positions, 10)
        assert orders(follower) == []
        assert [position.volume for position in follower.positions] == [Decimal(1)]
        close_leaders(platform, leader)
        await platform.until(lambda: not follower.positions, 10)
        await platform.time.sleep(120)
        assert deals_in(follower) == 1

    play(4, SAME | {"pendingPolicy": "market"}, story)


def test_beyond_its_drift_a_copy_is_cancelled_and_not_entered() -> None:
    async def story(platform: SimulatedPlatform, leader: Party, follower: Party) -> None:
        await both_rest(platform, leader, follower)
        price_for(platform, follower, "1.10990", "1.11000")
        fill_leaders(platform, leader)
        await platform.until(lambda: not orders(follower), 10)
        await platform.time.sleep(120)
        assert deals_in(follower) == 0

    play(5, SAME | {"pendingPolicy": "market", "maxDrift": "0.002"}, story)


@pytest.mark.parametrize("policy", ["market", "cancel", "wait"])
@pytest.mark.parametrize("after", [0.0, 0.002, 0.005, 0.009, 0.013, 0.02, 0.03])
def test_whenever_the_copys_own_market_fills_it_meanwhile_there_is_one_position(
    policy: str, after: float
) -> None:
    async def story(platform: SimulatedPlatform, leader: Party, follower: Party) -> None:
        await both_rest(platform, leader, follower)
        fill_leaders(platform, leader)
        await platform.time.sleep(after)
        price_for(platform, follower, "1.09890", "1.09900")
        await platform.time.sleep(60)
        assert len(follower.positions) + len(orders(follower)) <= 1
        assert len(follower.positions) == 1 or policy == "cancel"
        assert deals_in(follower) == len(follower.positions)
        close_leaders(platform, leader)
        await platform.time.sleep(120)
        assert follower.positions == []
        assert orders(follower) == []

    play(6, SAME | {"pendingPolicy": policy}, story)


def test_a_stopped_copy_loses_what_its_subscription_risks() -> None:
    async def story(platform: SimulatedPlatform, leader: Party, follower: Party) -> None:
        platform.by_hand(LEADER, side=Side.BUY, volume=Decimal(3), stop_loss=Decimal("1.09510"))
        await platform.until(lambda: follower.positions, 10)
        platform.quote("EURUSD", "1.09510", "1.09520")
        await platform.until(lambda: not follower.positions, 10)
        balance = follower.terminal.desk.broker.state.balance
        assert Decimal(98_950) < balance <= Decimal(100_000)
        assert balance >= Decimal(99_000) - Decimal(10)

    play(7, {"sizing": {"mode": "fixed_risk", "fraction": "0.01"}}, story)
