"""Reconciliation through real agents and simulated brokers: what hands did to a book is put right, or respected."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from kopitra.domain.orders import Side
from kopitra.simulation.broker.operations import HandTrade
from kopitra.simulation.broker.profiles import COMMENTS_DROPPED, MT4, MT5, BrokerProfile
from kopitra.simulation.broker.records import TradeRequest
from kopitra.simulation.virtual_time import VirtualTime, run_virtual
from kopitra_agent.settings import Role
from tests.simulation.platform import LEADER, Party, SimulatedPlatform

SAME: dict[str, Any] = {"sizing": {"mode": "same_volume"}}
PROFILES = pytest.mark.parametrize("profile", [MT5, MT4, COMMENTS_DROPPED], ids=lambda profile: profile.name)
Story = Callable[[SimulatedPlatform, Party, Party], Awaitable[None]]


def play(
    seed: int, story: Story, profile: BrokerProfile = MT5, *, before: Story | None = None, **rules: Any
) -> None:
    """A leader and a follower; `before`: what happens until the follower is subscribed."""

    async def main(time: VirtualTime) -> None:
        platform = SimulatedPlatform(time)
        leader = platform.party(LEADER, Role.LEADER, deposit=1_000_000)
        follower = platform.party("follower", Role.FOLLOWER, deposit=1_000_000, profile=profile)
        platform.start_counterparty()
        if before is None:
            await platform.configure({"follower": SAME | rules})
        else:
            await platform.configure({})
        platform.quote("EURUSD", "1.10000", "1.10010")
        for name in platform.parties:
            platform.start_agent(name)
        await time.sleep(10)
        if before is not None:
            await before(platform, leader, follower)
            await time.sleep(5)
            await subscribe(platform, SAME | rules)
        await story(platform, leader, follower)

    run_virtual(seed, main)


async def subscribe(platform: SimulatedPlatform, rules: dict[str, Any]) -> None:
    await platform.publish(
        {
            "kind": "subscription",
            "subscription": "sub-follower",
            "group": "group",
            "follower": "follower",
            "rules": rules,
        }
    )


def volumes(party: Party) -> list[Decimal]:
    return sorted(position.volume for position in party.positions)


def close(platform: SimulatedPlatform, party: Party, volume: str | None = None) -> None:
    position = party.positions[0]
    wanted = Decimal(volume) if volume is not None else position.volume
    platform.by_hand(party.name, position=position.ticket, side=position.side.opposite, volume=wanted)


def move_stop(platform: SimulatedPlatform, party: Party, stop_loss: str | None) -> None:
    position = party.positions[0]
    request = TradeRequest(
        action="sltp",
        symbol=position.symbol,
        side=position.side,
        position=position.ticket,
        stop_loss=Decimal(stop_loss) if stop_loss is not None else None,
    )
    party.terminal.desk.operate(HandTrade(at=platform.time.now(), request=request))


def entered(party: Party) -> int:
    deals = party.terminal.desk.broker.state.deals
    return sum(deal.kind == "trade" and deal.entry == "in" for deal in deals)


@PROFILES
def test_a_stop_that_was_moved_by_hand_is_put_back(seed: int, profile: BrokerProfile) -> None:
    async def story(platform: SimulatedPlatform, leader: Party, follower: Party) -> None:
        platform.by_hand(LEADER, side=Side.BUY, volume=Decimal(1), stop_loss=Decimal("1.05"))
        await platform.until(lambda: follower.positions)
        move_stop(platform, follower, None)
        await platform.until(lambda: follower.positions[0].stop_loss == Decimal("1.05"))

    play(seed, story, profile)


def test_a_book_that_nobody_changed_and_that_is_wrong_is_found_within_minutes(seed: int) -> None:
    async def story(platform: SimulatedPlatform, leader: Party, follower: Party) -> None:
        platform.by_hand(LEADER, side=Side.BUY, volume=Decimal(1), stop_loss=Decimal("1.05"))
        await platform.until(lambda: follower.positions)
        await platform.time.sleep(60)
        move_stop(platform, follower, "1.04")
        platform.crash_agent("follower")  # whatever it had noticed is gone with it
        platform.start_agent("follower")
        await platform.until(lambda: follower.positions[0].stop_loss == Decimal("1.05"), seconds=400)

    play(seed, story)


@PROFILES
def test_a_copy_closed_by_hand_is_opened_again_once(seed: int, profile: BrokerProfile) -> None:
    async def story(platform: SimulatedPlatform, leader: Party, follower: Party) -> None:
        platform.open_by_hand(LEADER, Side.BUY, "1")
        await platform.until(lambda: follower.positions)
        close(platform, follower)
        await platform.until(lambda: follower.positions)
        await platform.time.sleep(120)
        assert (volumes(follower), entered(follower)) == ([Decimal(1)], 2)
        close(platform, leader)
        await platform.until(lambda: not follower.positions)
        await platform.time.sleep(60)
        assert entered(follower) == 2

    play(seed, story, profile, manualClose="reopen")


@PROFILES
def test_a_part_closed_by_hand_is_respected(seed: int, profile: BrokerProfile) -> None:
    async def story(platform: SimulatedPlatform, leader: Party, follower: Party) -> None:
        platform.open_by_hand(LEADER, Side.BUY, "1")
        await platform.until(lambda: follower.positions)
        close(platform, follower, "0.7")
        await platform.time.sleep(90)
        assert volumes(follower) == [Decimal("0.3")]
        close(platform, leader, "0.9")
        await platform.until(lambda: volumes(follower) == [Decimal("0.1")])

    play(seed, story, profile)


@PROFILES
def test_who_joins_late_follows_what_was_left_to_the_end(seed: int, profile: BrokerProfile) -> None:
    async def before(platform: SimulatedPlatform, leader: Party, follower: Party) -> None:
        platform.open_by_hand(LEADER, Side.BUY, "1")
        platform.open_by_hand(LEADER, Side.SELL, "0.4")
        close(platform, leader, "0.5")

    async def story(platform: SimulatedPlatform, leader: Party, follower: Party) -> None:
        await platform.until(lambda: volumes(follower) == [Decimal("0.4"), Decimal("0.5")])
        platform.crash_counterparty()
        platform.start_counterparty()
        await platform.time.sleep(90)
        assert entered(follower) == 2
        for _ in range(2):
            close(platform, leader)
        await platform.until(lambda: not follower.positions)

    play(seed, story, profile, before=before, lateJoin="sync_now")


def test_at_loss_waits_for_the_leaders_price(seed: int) -> None:
    async def before(platform: SimulatedPlatform, leader: Party, follower: Party) -> None:
        platform.open_by_hand(LEADER, Side.BUY, "1")
        platform.quote("EURUSD", "1.10100", "1.10110")

    async def story(platform: SimulatedPlatform, leader: Party, follower: Party) -> None:
        await platform.time.sleep(60)
        assert follower.positions == []
        platform.quote("EURUSD", "1.09990", "1.10000")
        await platform.until(lambda: volumes(follower) == [Decimal(1)])

    play(seed, story, before=before, lateJoin="sync_at_loss")


@PROFILES
def test_a_trade_copied_by_hand_before_is_taken_over_and_not_doubled(
    seed: int, profile: BrokerProfile
) -> None:
    async def before(platform: SimulatedPlatform, leader: Party, follower: Party) -> None:
        platform.open_by_hand(LEADER, Side.BUY, "1")
        platform.open_by_hand("follower", Side.BUY, "1")

    async def story(platform: SimulatedPlatform, leader: Party, follower: Party) -> None:
        await platform.time.sleep(400)
        close(platform, leader, "0.5")
        await platform.until(lambda: volumes(follower) == [Decimal("0.5")])
        close(platform, leader)
        await platform.until(lambda: not follower.positions)
        assert entered(follower) == 1

    play(seed, story, profile, before=before, unknownPosition="adopt")
