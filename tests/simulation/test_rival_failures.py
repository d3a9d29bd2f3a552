"""What other copiers are known to get wrong, one story each: the whole platform, real agents, simulated brokers."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from kopitra.domain.orders import Side
from kopitra.domain.quotes import Quote
from kopitra.simulation.broker.faults import Fault, FaultKind
from kopitra.simulation.broker.operations import PlanFaults, Switch
from kopitra.simulation.broker.profiles import COMMENTS_DROPPED, MT4, MT5, BrokerProfile, with_suffix
from kopitra.simulation.broker.records import TradeRequest
from kopitra.simulation.virtual_time import VirtualTime, run_virtual
from kopitra_agent.settings import Role
from tests.simulation.platform import LEADER, Party, SimulatedPlatform
from tests.unit.copying.world import spec

SAME: dict[str, Any] = {"sizing": {"mode": "same_volume"}}
Story = Callable[[SimulatedPlatform, Party, Party], Awaitable[None]]


def play(
    seed: int, story: Story, rules: dict[str, Any] = SAME, profile: BrokerProfile = MT5, **options: Any
) -> None:
    """A leader and a follower that have met, then the story."""

    async def main(time: VirtualTime) -> None:
        platform = SimulatedPlatform(time)
        leader = platform.party(LEADER, Role.LEADER, deposit=10_000_000)
        follower = platform.party(
            "follower", Role.FOLLOWER, *options.get("symbols", ()), deposit=10_000_000, profile=profile
        )
        platform.start_counterparty()
        await platform.configure({"follower": rules})
        platform.quote("EURUSD", "1.10000", "1.10010")
        for name in platform.parties:
            platform.start_agent(name)
        await time.sleep(10)
        await story(platform, leader, follower)

    run_virtual(seed, main)


def volumes(party: Party) -> list[Decimal]:
    return sorted(position.volume for position in party.positions)


def opens(party: Party) -> int:
    """Deals that opened something, ever."""
    return sum(deal.entry == "in" for deal in party.terminal.desk.broker.state.deals if deal.kind == "trade")


def close(platform: SimulatedPlatform, party: Party, volume: str | None = None) -> None:
    position = party.positions[0]
    wanted = Decimal(volume) if volume is not None else position.volume
    platform.by_hand(party.name, position=position.ticket, side=position.side.opposite, volume=wanted)


def held(platform: SimulatedPlatform) -> Any:
    assert platform.service is not None
    return platform.service.core.engine.state.accounts


def test_restart_plus_snapshot_re_copies_nothing(seed: int) -> None:
    async def story(platform: SimulatedPlatform, leader: Party, follower: Party) -> None:
        for volume in ("1", "1", "0.5"):  # twins among them
            platform.open_by_hand(LEADER, Side.BUY, volume)
        await platform.until(lambda: len(follower.positions) == 3)
        for name in platform.parties:
            platform.crash_agent(name)
        platform.crash_counterparty()
        await platform.time.sleep(5)
        platform.start_counterparty()
        for name in platform.parties:
            platform.start_agent(name)
        await platform.time.sleep(120)
        assert (volumes(follower), opens(follower)) == (volumes(leader), 3)

    play(seed, story)


@pytest.mark.parametrize("seconds", [61, 3_600])
def test_an_open_issued_while_the_follower_is_offline_is_not_made_up_for_late(
    seed: int, seconds: int
) -> None:
    async def story(platform: SimulatedPlatform, leader: Party, follower: Party) -> None:
        platform.crash_agent("follower")
        platform.open_by_hand(LEADER, Side.BUY, "1")
        await platform.time.sleep(seconds)
        platform.start_agent("follower")
        await platform.time.sleep(90)
        assert (volumes(follower), opens(follower)) == ([], 0)
        platform.open_by_hand(LEADER, Side.SELL, "0.5")
        await platform.until(lambda: volumes(follower) == [Decimal("0.5")])

    play(seed, story)


@pytest.mark.parametrize("seconds", [61, 3_600])
def test_a_close_issued_while_the_follower_is_offline_is_carried_out_when_it_is_back(
    seed: int, seconds: int
) -> None:
    async def story(platform: SimulatedPlatform, leader: Party, follower: Party) -> None:
        for volume in ("1", "0.5"):
            platform.open_by_hand(LEADER, Side.BUY, volume)
        await platform.until(lambda: len(follower.positions) == 2)
        platform.crash_agent("follower")
        close(platform, leader)
        await platform.time.sleep(seconds)
        assert len(follower.positions) == 2
        platform.start_agent("follower")
        await platform.until(lambda: volumes(follower) == volumes(leader))

    play(seed, story)


@pytest.mark.parametrize("profile", [MT4, MT5, COMMENTS_DROPPED], ids=lambda profile: profile.name)
def test_repeated_partial_closes_go_down_to_the_last_lot_step(seed: int, profile: BrokerProfile) -> None:
    async def story(platform: SimulatedPlatform, leader: Party, follower: Party) -> None:
        platform.open_by_hand(LEADER, Side.BUY, "0.10")
        await platform.until(lambda: len(follower.positions) == 1)
        for left in range(9, -1, -1):
            close(platform, leader, "0.01")
            wanted = [Decimal(left) / 100] if left else []
            await platform.until(lambda wanted=wanted: volumes(follower) == wanted)
        assert volumes(leader) == []

    play(seed, story, profile=profile)


def test_a_burst_of_500_orders_is_copied_once_each(seed: int) -> None:
    async def story(platform: SimulatedPlatform, leader: Party, follower: Party) -> None:
        for _ in range(500):
            platform.open_by_hand(LEADER, Side.BUY, "0.01")
        await platform.until(lambda: len(follower.positions) == 500, seconds=300)
        await platform.time.sleep(60)
        assert (len(follower.positions), opens(follower)) == (500, 500)

    play(seed, story)


def test_suffix_symbols_are_found_and_closed(seed: int) -> None:
    async def story(platform: SimulatedPlatform, leader: Party, follower: Party) -> None:
        platform.open_by_hand(LEADER, Side.BUY, "1")
        await platform.until(lambda: len(follower.positions) == 1)
        assert [position.symbol for position in follower.positions] == ["EURUSD.pro"]
        close(platform, leader)
        await platform.until(lambda: not follower.positions)

    profile = BrokerProfile(name="suffixed", suffix=".pro")
    play(seed, story, profile=profile, symbols=with_suffix((spec(),), ".pro"))


@pytest.mark.parametrize("manual_close", ["respect", "reopen"])
def test_a_position_closed_by_the_followers_own_stop_stays_closed(seed: int, manual_close: str) -> None:
    async def story(platform: SimulatedPlatform, leader: Party, follower: Party) -> None:
        platform.by_hand(LEADER, side=Side.BUY, volume=Decimal(1), stop_loss=Decimal("1.09000"))
        await platform.until(lambda: len(follower.positions) == 1)
        low = Quote("EURUSD", Decimal("1.08990"), Decimal("1.09000"), platform.time.now())
        follower.terminal.desk.take_quotes([low])  # only the follower's broker goes so low
        assert follower.positions == []
        platform.quote("EURUSD", "1.10000", "1.10010")
        await platform.time.sleep(90)
        assert (volumes(leader), opens(follower)) == ([Decimal(1)], 1)
        close(platform, leader)
        await platform.time.sleep(30)
        assert held(platform)["follower"].commands == {}
        assert held(platform)["follower"].following.copies == {}

    play(seed, story, rules=SAME | {"manualClose": manual_close})


def test_no_changes_is_an_answer_and_not_a_failure(seed: int) -> None:
    async def story(platform: SimulatedPlatform, leader: Party, follower: Party) -> None:
        platform.open_by_hand(LEADER, Side.BUY, "1")
        await platform.until(lambda: len(follower.positions) == 1)
        refusal = Fault(kind=FaultKind.REJECT, retcode=10025, applies_to=("sltp",))
        follower.terminal.desk.operate(PlanFaults(at=platform.time.now(), scripted=(refusal,)))
        ticket = leader.positions[0].ticket
        request = TradeRequest(
            action="sltp", symbol="EURUSD", side=Side.BUY, position=ticket, stop_loss=Decimal("1.05")
        )
        platform.by_hand(LEADER, **{k: v for k, v in fields_of(request).items() if v is not None})
        await platform.time.sleep(20)
        account = held(platform)["follower"]
        assert account.commands == {}
        assert account.incidents == {}
        # the broker said that the stop was there, and it was not: the next looks at the book put it right
        await platform.until(lambda: follower.positions[0].stop_loss == Decimal("1.05000"))

    play(seed, story)


def fields_of(request: TradeRequest) -> dict[str, Any]:
    return {name: getattr(request, name) for name in ("action", "symbol", "side", "position", "stop_loss")}


def test_a_closed_market_delays_a_close_and_drops_an_open(seed: int) -> None:
    async def story(platform: SimulatedPlatform, leader: Party, follower: Party) -> None:
        platform.open_by_hand(LEADER, Side.BUY, "1")
        await platform.until(lambda: len(follower.positions) == 1)
        follower.terminal.desk.operate(Switch(at=platform.time.now(), closed=("*",)))
        close(platform, leader)
        platform.open_by_hand(LEADER, Side.SELL, "0.5")
        await platform.time.sleep(30)
        assert volumes(follower) == [Decimal(1)]
        assert [i.kind for i in held(platform)["follower"].incidents.values()] == ["close_refused"]
        follower.terminal.desk.operate(Switch(at=platform.time.now(), closed=()))
        await platform.until(lambda: volumes(follower) == [], seconds=180)
        await platform.time.sleep(10)
        assert held(platform)["follower"].incidents == {}
        assert opens(follower) == 1

    play(seed, story)


def test_twin_positions_are_told_apart_after_a_crash_whatever_the_broker_does_to_comments(seed: int) -> None:
    async def story(platform: SimulatedPlatform, leader: Party, follower: Party) -> None:
        for _ in range(3):
            platform.open_by_hand(LEADER, Side.BUY, "1")
        await platform.until(lambda: len(follower.positions) == 3)
        platform.crash_agent("follower")
        close(platform, leader)
        close(platform, leader, "0.4")
        await platform.time.sleep(3)
        platform.start_agent("follower")
        await platform.until(lambda: volumes(follower) == volumes(leader))
        await platform.time.sleep(60)
        assert (volumes(follower), opens(follower)) == ([Decimal("0.6"), Decimal(1)], 3)

    for profile in (COMMENTS_DROPPED, MT4):
        play(seed, story, profile=profile)
