"""The leader's next action waits for what it depends on, and for nothing else."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar

import msgspec

from kopitra.domain.identifiers import AccountId, PositionRef
from kopitra.domain.quotes import Quote
from kopitra.simulation.broker.broker import SimulatedBroker
from kopitra.simulation.broker.operations import Balance, HandTrade, Prices
from kopitra.simulation.broker.records import Deal, DealKind, TradeRequest, TradeResult
from kopitra.simulation.broker.state import new_account
from kopitra.simulation.timeline import Action, Timeline
from kopitra.simulation.virtual_time import VirtualTime, run_virtual
from kopitra_cli.demo.cast import Account, Cast, cast_for
from kopitra_cli.demo.leader_story import position_ref
from kopitra_cli.demo.market import Market
from kopitra_cli.demo.patience import Patience
from kopitra_cli.demo.performance import Conduct, Performance
from kopitra_cli.demo.platform_record import PlatformRecord
from kopitra_cli.demo.progress import Progress
from tests.unit.cli.little_theatre import BEGINNING, TIMELINE, D, event

T = TypeVar("T")
DELAY = 0.001


class InProcessBroker:
    """What of `BrokerControl` a performance uses."""

    def __init__(self, account: Account, world: VirtualTime) -> None:
        state = new_account(account.terms, account.profile, account.specs, BEGINNING)
        self.broker = SimulatedBroker(state)
        self.world = world
        self.asked: list[tuple[float, str]] = []

    async def set_quotes(self, quotes: list[Quote]) -> list[Deal]:
        await self.world.sleep(DELAY)
        known = len(self.broker.state.deals)
        self.broker.apply(Prices(at=self._now(), quotes=tuple(quotes)))
        return self.broker.deals_after(known)

    async def by_hand(self, request: TradeRequest, *, reason: Any, exact: Any, key: str) -> TradeResult:
        await self.world.sleep(DELAY)
        self.asked.append((self.world.monotonic(), key))
        result = self.broker.apply(
            HandTrade(at=self._now(), request=request, reason=reason, exact=exact, key=key)
        )
        assert isinstance(result, TradeResult)
        return result

    async def move_money(self, kind: DealKind, amount: Any, *, key: str) -> TradeResult:
        result = self.broker.apply(Balance(at=self._now(), kind=kind, amount=amount, key=key))
        assert isinstance(result, TradeResult)
        return result

    def _now(self) -> Any:
        return BEGINNING + timedelta(seconds=self.world.monotonic())


class FakeRecord(PlatformRecord):
    """A platform that is told by hand what it has done."""

    def through(self, ref: PositionRef, events: int) -> None:
        self.runs[ref] = events


class Hall:
    def __init__(self, world: VirtualTime, timeline: Timeline, wait_seconds: float = 30.0) -> None:
        self.world = world
        self.cast: Cast = cast_for(timeline)
        self.brokers = {account.account: InProcessBroker(account, world) for account in self.cast.accounts}
        self.record = FakeRecord()
        self.progress = Progress(self.record, world)
        self.notes: list[str] = []
        self.over = False
        patience = Patience(self.brokers, world, world)  # type: ignore[arg-type]
        self.market = Market(self.cast, self.record, patience)
        conduct = Conduct(
            wait_seconds=wait_seconds,
            before_each=self._pass,
            is_over=lambda: self.over,
            note=self.notes.append,
        )
        self.performance = Performance(timeline, self.cast, self.market, self.progress, patience, conduct)

    async def _pass(self) -> None:
        return None

    @property
    def keys(self) -> list[str]:
        """The leader's trades so far."""
        return [key for _, key in self.brokers[AccountId("leader")].asked]

    def carried_out(self, position_id: int, events: int) -> None:
        self.record.through(position_ref(self.cast.leader, position_id), events)
        self.progress.look_again()


def play(main: Callable[[VirtualTime], Awaitable[T]]) -> T:
    return run_virtual(1, main)


FIRST_TICKET = 1_000_001


def test_a_positions_next_action_waits_until_the_one_before_is_carried_out_everywhere() -> None:
    async def main(world: VirtualTime) -> None:
        hall = Hall(world, TIMELINE)
        playing = asyncio.ensure_future(hall.performance.play(0, 2))
        await world.sleep(5)
        assert hall.keys == ["event-0"]
        hall.carried_out(FIRST_TICKET, 1)
        await playing
        assert hall.keys == ["event-0", "event-1"]

    play(main)


def test_a_wait_in_vain_ends_and_is_noted() -> None:
    async def main(world: VirtualTime) -> None:
        hall = Hall(world, TIMELINE, wait_seconds=3)
        await hall.performance.play(0, 2)
        assert world.monotonic() >= 3
        assert hall.notes == ["waited 3 s in vain for position 1"]

    play(main)


def another_symbol(each: Any) -> Any:
    quote = Quote("GBPUSD", D("1.3"), D("1.3001"))
    return msgspec.structs.replace(each, symbol="GBPUSD", price=D("1.3001"), quote=quote)


def test_symbols_do_not_wait_for_each_other() -> None:
    async def main(world: VirtualTime) -> None:
        other = another_symbol(event(1, Action.OPEN, 9, "9", "0.1", price="1.3", volume_after="0.1"))
        timeline = msgspec.structs.replace(TIMELINE, events=(*TIMELINE.events[:2], other))
        hall = Hall(world, timeline)
        playing = asyncio.ensure_future(hall.performance.play(0, 3))
        await world.sleep(5)
        assert set(hall.keys) == {"event-0", "event-2"}
        playing.cancel()

    play(main)


def test_the_market_of_a_symbol_does_not_move_while_something_in_it_is_on_its_way() -> None:
    async def main(world: VirtualTime) -> None:
        moved = Quote("EURUSD", D("1.2"), D("1.2001"))
        later = event(1, Action.OPEN, 9, "9", "0.1", price="1.2001", volume_after="0.1", quote=moved)
        hall = Hall(world, msgspec.structs.replace(TIMELINE, events=(TIMELINE.events[0], later)))
        playing = asyncio.ensure_future(hall.performance.play(0, 2))
        await world.sleep(5)
        assert hall.keys == ["event-0"]
        assert hall.brokers[AccountId("late")].broker.state.quotes["EURUSD"].bid == D("1.1")
        hall.carried_out(FIRST_TICKET, 1)
        await playing
        assert hall.brokers[AccountId("late")].broker.state.quotes["EURUSD"].bid == D("1.2")

    play(main)


def test_what_a_quote_sets_off_at_a_follower_is_waited_for_until_the_platform_knows() -> None:
    async def main(world: VirtualTime) -> None:
        hall = Hall(world, TIMELINE)
        await hall.market.show(Quote("EURUSD", D("1.1"), D("1.1001")))
        late = hall.brokers[AccountId("late")].broker
        opened = TradeRequest(action="deal", symbol="EURUSD", side=TIMELINE.events[0].side, volume=D("0.1"))
        stopped = msgspec.structs.replace(opened, stop_loss=D("1.09"))
        late.apply(Balance(at=BEGINNING, kind=DealKind.DEPOSIT, amount=D(100_000)))
        assert late.send(stopped, BEGINNING).done
        await hall.market.show(Quote("EURUSD", D("1.08"), D("1.0801")))
        assert hall.market.untold("EURUSD")
        assert not hall.market.untold("GBPUSD")
        hall.record.recorded_deals[AccountId("late")].add(late.state.deals[-1].deal_id)
        assert not hall.market.untold("EURUSD")

    play(main)


def test_once_it_is_over_no_event_is_begun() -> None:
    async def main(world: VirtualTime) -> None:
        hall = Hall(world, TIMELINE)
        hall.over = True
        await hall.performance.play(0, 5)
        assert hall.keys == []
        assert hall.performance.begun == set()

    play(main)


def test_what_the_leaders_broker_refuses_is_noted() -> None:
    async def main(world: VirtualTime) -> None:
        huge = event(0, Action.CLOSE, 1, "1", "99", price="1.1")
        timeline = msgspec.structs.replace(TIMELINE, events=(TIMELINE.events[0], huge))
        hall = Hall(world, timeline)
        hall.carried_out(FIRST_TICKET, 1)
        await hall.performance.play(0, 2)
        [note] = hall.notes
        assert "refused the close of 1" in note

    play(main)
