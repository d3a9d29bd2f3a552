"""A leader on a netting account: what its terminal's ledger shows, as signals with the volumes before and after."""

from decimal import Decimal
from typing import Any

from kopitra.domain.orders import OrderType, Side
from kopitra.domain.quotes import Quote
from kopitra.domain.trading import Signal, SignalAction
from kopitra.simulation.broker.operations import HandTrade
from kopitra.simulation.broker.records import TradeRequest
from kopitra.simulation.virtual_time import VirtualTime
from kopitra_agent.settings import Role
from tests.unit.agent.mortality import Mortality
from tests.unit.agent.net_scene import NetScene
from tests.unit.agent.scene import play

A = SignalAction
BUY, SELL = Side.BUY, Side.SELL


def lots(value: str) -> Decimal:
    return Decimal(value)


class Leader(NetScene):
    def __init__(self, world: VirtualTime) -> None:
        super().__init__(world, role=Role.LEADER)

    def do(self, **fields: Any) -> None:
        wanted: dict[str, Any] = {"action": "deal", "symbol": "EURUSD"}
        request = TradeRequest(**(wanted | fields))
        self.net_terminal.desk.operate(HandTrade(at=self.world.now(), request=request))

    def price(self, bid: str, ask: str) -> None:
        self.net_terminal.desk.take_quotes([Quote("EURUSD", Decimal(bid), Decimal(ask), self.world.now())])

    @property
    def said(self) -> list[Signal]:
        return list(self.server.signals.values())


def told(signals: list[Signal]) -> list[tuple[SignalAction, Side, str, str, str]]:
    return [
        (s.action, s.side, str(s.volume), str(s.volume_before or 0), str(s.volume_after)) for s in signals
    ]


def test_one_position_is_opened_added_to_reduced_turned_and_closed():
    async def main(world: VirtualTime) -> None:
        leader = Leader(world)
        async with leader.running():
            await world.sleep(2)
            for side, volume in ((BUY, "1.00"), (BUY, "0.50"), (SELL, "0.30"), (SELL, "2.00"), (BUY, "0.80")):
                leader.by_hand(side, volume)
                await world.sleep(1)
            await leader.until(lambda: len(leader.said) == 5)
        assert told(leader.said) == [
            (A.OPEN, BUY, "1.00", "0", "1.00"),
            (A.INCREASE, BUY, "0.50", "1.00", "1.50"),
            (A.PARTIAL_CLOSE, BUY, "0.30", "1.50", "1.20"),
            (A.REVERSE, SELL, "2.00", "1.20", "0.80"),
            (A.CLOSE, SELL, "0.80", "0.80", "0.00"),
        ]
        assert len({s.position_ref for s in leader.said}) == 1
        assert len({s.deal_id for s in leader.said}) == 5

    play(main)


def test_the_next_position_in_the_symbol_has_a_name_of_its_own():
    async def main(world: VirtualTime) -> None:
        leader = Leader(world)
        async with leader.running():
            await world.sleep(2)
            for side in (BUY, SELL, BUY):
                leader.by_hand(side, "1.00")
            await leader.until(lambda: len(leader.said) == 3)
        opened, closed, again = leader.said
        assert opened.position_ref == closed.position_ref != again.position_ref

    play(main)


def test_stops_that_came_with_an_addition_are_those_of_the_position():
    async def main(world: VirtualTime) -> None:
        leader = Leader(world)
        async with leader.running():
            await world.sleep(2)
            leader.do(side=BUY, volume=lots("1.00"), stop_loss=lots("1.05000"))
            await leader.until(lambda: len(leader.said) == 1)
            leader.do(side=BUY, volume=lots("0.50"), stop_loss=lots("1.06000"))
            await leader.until(lambda: len(leader.said) == 3)
        _, added, modified = leader.said
        assert (added.action, added.stop_loss) == (A.INCREASE, lots("1.06000"))
        assert (modified.action, modified.stop_loss) == (A.MODIFY, lots("1.06000"))

    play(main)


def test_a_pending_order_that_joins_a_position_is_said_to_be_filled_into_it():
    async def main(world: VirtualTime) -> None:
        leader = Leader(world)
        async with leader.running():
            await world.sleep(2)
            leader.by_hand(BUY, "1.00")
            leader.do(
                action="pending",
                side=BUY,
                order_type=OrderType.LIMIT,
                volume=lots("0.40"),
                price=lots("1.08000"),
            )
            await leader.until(lambda: len(leader.said) == 2)
            leader.price("1.07990", "1.08000")
            await leader.until(lambda: len(leader.said) == 3)
            await world.sleep(3)
        opened, placed, filled = leader.said
        assert (filled.action, filled.position_ref, filled.order_ref) == (
            A.PENDING_FILLED,
            opened.position_ref,
            placed.order_ref,
        )
        assert (filled.volume, filled.volume_before, filled.volume_after) == (
            lots("0.40"),
            lots("1.00"),
            lots("1.40"),
        )

    play(main)


def test_a_pending_order_against_a_position_takes_from_it():
    async def main(world: VirtualTime) -> None:
        leader = Leader(world)
        async with leader.running():
            await world.sleep(2)
            leader.by_hand(BUY, "1.00")
            leader.do(
                action="pending",
                side=SELL,
                order_type=OrderType.LIMIT,
                volume=lots("0.40"),
                price=lots("1.12000"),
            )
            await leader.until(lambda: len(leader.said) == 2)
            leader.price("1.12000", "1.12010")
            await leader.until(lambda: len(leader.said) == 4)
        assert [s.action for s in leader.said[2:]] == [A.PARTIAL_CLOSE, A.PENDING_CANCELLED]
        assert leader.said[2].volume_after == lots("0.60")

    play(main)


def test_dying_at_any_point_says_everything_once_and_in_order():
    trades = [(BUY, "1.00"), (BUY, "0.50"), (SELL, "0.30"), (SELL, "2.00"), (BUY, "0.80"), (BUY, "0.10")]
    wanted = [A.OPEN, A.INCREASE, A.PARTIAL_CLOSE, A.REVERSE, A.CLOSE, A.OPEN]

    async def lived(world: VirtualTime, fatal: int | None) -> int:
        leader = Leader(world)
        first = Mortality()
        assert await leader.live(first, lambda: bool(leader.server.told), seconds=5)
        waiting = list(trades)

        def is_told() -> bool:
            if waiting:
                leader.by_hand(*waiting.pop(0))
            return not waiting and len(leader.said) == len(wanted)

        mortality = Mortality(fatal)
        if not await leader.live(mortality, is_told):
            assert await leader.live(Mortality(), is_told)
        assert [s.action for s in sorted(leader.said, key=lambda s: s.ordinal)] == wanted
        return mortality.passed

    points = play(lambda world: lived(world, None))
    for fatal in range(1, points + 1):
        play(lambda world, fatal=fatal: lived(world, fatal))
