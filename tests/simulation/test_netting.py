"""The whole platform with accounts that hedge and accounts that net, on either side, with a crash in the middle: every
follower ends with its leaders' exposure, and every lot was traded once."""

from decimal import Decimal

import pytest

from kopitra.domain.orders import MarginMode, Side
from kopitra.simulation.broker.faults import Fault, FaultKind
from kopitra.simulation.broker.operations import PlanFaults
from kopitra.simulation.virtual_time import VirtualTime, run_virtual
from kopitra_agent.settings import Role
from tests.simulation.platform import LEADER, SimulatedPlatform

FOLLOWER, OTHER = "follower", "other-leader"
RULES = {FOLLOWER: {"sizing": {"mode": "multiplier"}, "multiplier": "0.5"}}
HALF = Decimal("0.5")
BUY, SELL = Side.BUY, Side.SELL
COMBINATIONS = [(leader, follower) for leader in MarginMode for follower in MarginMode]
CRASHES = ("counterparty", FOLLOWER, LEADER)


def exposure(platform: SimulatedPlatform, name: str) -> Decimal:
    held = platform.parties[name].positions
    return sum((p.volume if p.side is BUY else -p.volume for p in held), Decimal(0))


def wanted(platform: SimulatedPlatform) -> Decimal:
    return HALF * sum(exposure(platform, name) for name in (LEADER, OTHER))


def reduce(platform: SimulatedPlatform, name: str, volume: str) -> None:
    """Take so much off a leader's first position: by its ticket, or against the net."""
    first = platform.parties[name].positions[0]
    side = first.side.opposite
    if platform.parties[name].terminal.desk.account().mode is MarginMode.NETTING:
        platform.open_by_hand(name, side, volume)
    else:
        platform.by_hand(name, position=first.ticket, side=side, volume=Decimal(volume))


async def started(time: VirtualTime, leaders: MarginMode, follower: MarginMode) -> SimulatedPlatform:
    platform = SimulatedPlatform(time)
    platform.party(LEADER, Role.LEADER, mode=leaders, deposit=1_000_000)
    platform.party(OTHER, Role.LEADER, mode=leaders, deposit=1_000_000)
    platform.party(FOLLOWER, Role.FOLLOWER, mode=follower, deposit=1_000_000)
    platform.start_counterparty()
    await platform.configure(RULES, (LEADER, OTHER))
    platform.quote("EURUSD", "1.10000", "1.10010")
    for name in platform.parties:
        platform.start_agent(name)
    await time.sleep(10)
    return platform


async def crash(platform: SimulatedPlatform, what: str) -> None:
    if what == "counterparty":
        platform.crash_counterparty()
        await platform.time.sleep(3)
        platform.start_counterparty()
    else:
        platform.crash_agent(what)
        await platform.time.sleep(3)
        platform.start_agent(what)


async def settled(platform: SimulatedPlatform) -> None:
    await platform.until(lambda: exposure(platform, FOLLOWER) == wanted(platform), 240)


def traded(platform: SimulatedPlatform) -> Decimal:
    """Lots of all the follower's trades."""
    deals = platform.parties[FOLLOWER].terminal.desk.broker.state.deals
    return sum((deal.volume for deal in deals if deal.kind == "trade"), Decimal(0))


@pytest.mark.parametrize("what", CRASHES)
@pytest.mark.parametrize(("leaders", "follower"), COMBINATIONS)
def test_a_crash_in_the_middle_loses_nothing_and_doubles_nothing(
    leaders: MarginMode, follower: MarginMode, what: str, seed: int
) -> None:
    async def main(time: VirtualTime) -> None:
        platform = await started(time, leaders, follower)
        platform.open_by_hand(LEADER, BUY, "1")
        platform.open_by_hand(OTHER, SELL, "0.6")
        await settled(platform)
        platform.open_by_hand(LEADER, BUY, "0.4")
        await time.sleep(0.02)
        reduce(platform, OTHER, "0.2")
        await time.sleep(0.03)
        await crash(platform, what)
        reduce(platform, LEADER, "0.3")
        await settled(platform)
        await time.sleep(30)
        assert exposure(platform, FOLLOWER) == wanted(platform) == Decimal("0.35")
        assert traded(platform) == Decimal("1.25")
        if leaders is MarginMode.NETTING:
            platform.open_by_hand(LEADER, SELL, "2")
            await settled(platform)
            assert traded(platform) == Decimal("1.25") + Decimal("1.0")
        for name in (LEADER, OTHER):
            while platform.parties[name].positions:
                held = platform.parties[name].positions[0]
                reduce(platform, name, str(held.volume))
        await settled(platform)
        await time.sleep(60)
        assert exposure(platform, FOLLOWER) == 0
        assert platform.parties[FOLLOWER].positions == []

    run_virtual(seed, main)


@pytest.mark.parametrize(
    "kind", [FaultKind.ANSWER_LOST, FaultKind.REQUEST_LOST, FaultKind.PARTIAL, FaultKind.REQUOTE]
)
def test_whatever_befalls_an_offset_its_lots_are_taken_off_once(kind: FaultKind, seed: int) -> None:
    async def main(time: VirtualTime) -> None:
        platform = await started(time, MarginMode.HEDGING, MarginMode.NETTING)
        platform.open_by_hand(LEADER, BUY, "1")
        platform.open_by_hand(OTHER, BUY, "0.6")
        await settled(platform)
        desk = platform.parties[FOLLOWER].terminal.desk
        desk.operate(PlanFaults(at=time.now(), scripted=(Fault(kind=kind, fill_per_mille=400),)))
        reduce(platform, LEADER, "1")
        await settled(platform)
        await time.sleep(60)
        assert exposure(platform, FOLLOWER) == Decimal("0.3")
        assert traded(platform) == Decimal("1.3")

    run_virtual(seed, main)


def test_what_the_owner_trades_by_hand_is_never_touched(seed: int) -> None:
    async def main(time: VirtualTime) -> None:
        platform = await started(time, MarginMode.NETTING, MarginMode.NETTING)
        platform.open_by_hand(FOLLOWER, SELL, "0.25")
        await time.sleep(45)
        platform.open_by_hand(LEADER, BUY, "1")
        await platform.until(lambda: exposure(platform, FOLLOWER) == Decimal("0.25"))
        await time.sleep(45)
        platform.open_by_hand(LEADER, SELL, "1")
        await platform.until(lambda: exposure(platform, FOLLOWER) == Decimal("-0.25"))
        await time.sleep(60)
        assert exposure(platform, FOLLOWER) == Decimal("-0.25")

    run_virtual(seed, main)


def test_what_the_owner_closes_by_hand_stays_closed(seed: int) -> None:
    async def main(time: VirtualTime) -> None:
        platform = await started(time, MarginMode.HEDGING, MarginMode.NETTING)
        platform.open_by_hand(LEADER, BUY, "1")
        platform.open_by_hand(OTHER, BUY, "0.6")
        await settled(platform)
        platform.open_by_hand(FOLLOWER, SELL, "0.5")
        await time.sleep(1)
        reduce(platform, LEADER, "1")
        await time.sleep(90)
        assert exposure(platform, FOLLOWER) == Decimal("0.3")
        reduce(platform, OTHER, "0.6")
        await platform.until(lambda: not platform.parties[FOLLOWER].positions)

    run_virtual(seed, main)
