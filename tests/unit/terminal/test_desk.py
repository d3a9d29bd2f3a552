"""What a terminal shows and what it hides: loading history, a cut line, delayed and lost requests, and changes."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar

import pytest

from kopitra.domain.orders import DealReason, OrderType, Side
from kopitra.domain.quotes import Quote
from kopitra.simulation.broker.faults import Fault, FaultKind
from kopitra.simulation.broker.operations import Balance, PlanFaults, Switch
from kopitra.simulation.broker.profiles import BrokerProfile
from kopitra.simulation.broker.records import DealKind, TradeResult
from kopitra.simulation.broker.retcodes import Retcode
from kopitra.simulation.virtual_time import VirtualTime, run_virtual
from kopitra_agent.ports.terminal import TerminalUnavailable
from kopitra_terminal.desk import EMPTY_VERSION, Desk
from tests.unit.broker.house import MONDAY, D, House, quoted_house, request

T = TypeVar("T")
BUY = request("deal", side=Side.BUY, volume="1", magic=5)


class Scene:
    """A desk under virtual time."""

    def __init__(self, world: VirtualTime, profile: BrokerProfile | None = None) -> None:
        self.world = world
        self.house: House = quoted_house(profile)
        self.broker = self.house.broker
        self.desk = Desk(self.broker, world, world)

    async def hurry(self, *faults: Fault) -> None:
        self.desk.operate(PlanFaults(at=self.world.now(), scripted=faults))

    def seconds(self) -> float:
        return round(self.world.monotonic(), 3)


def play(main: Callable[[Scene], Awaitable[T]], profile: BrokerProfile | None = None) -> T:
    return run_virtual(1, lambda world: main(Scene(world, profile)), MONDAY)


LOADING = BrokerProfile(sync_delay_ms=3000)


def test_until_the_history_has_loaded_the_book_looks_empty_and_says_so() -> None:
    async def main(scene: Scene) -> None:
        scene.broker.send(BUY, scene.world.now())
        scene.broker.send(
            request("pending", side=Side.BUY, order_type=OrderType.LIMIT, price="1.09", volume="1"),
            scene.world.now(),
        )
        desk = Desk(scene.broker, scene.world, scene.world)
        account = desk.account()
        assert (account.connected, account.synchronised, account.ledger) == (True, False, 0)
        assert account.equity == account.balance
        assert (desk.positions(), desk.orders(), desk.deals(0), desk.order_history(5)) == ((), (), (), ())
        await scene.world.sleep(3)
        assert desk.account().synchronised
        assert desk.account().ledger == 2
        assert len(desk.positions()) == len(desk.orders()) == 1
        assert len(desk.deals(0)) == 2

    play(main, LOADING)


def test_the_end_of_loading_is_a_change() -> None:
    async def main(scene: Scene) -> tuple[int, float]:
        return await scene.desk.changed(EMPTY_VERSION, 60), scene.seconds()

    assert play(main, LOADING) == (1, 3.0)


def test_a_change_wakes_at_once_and_nothing_wakes_before_the_time_is_over() -> None:
    async def main(scene: Scene) -> list[float]:
        seen = scene.desk.version
        times: list[float] = []

        async def trade_later() -> None:
            await scene.world.sleep(4)
            await scene.desk.send(BUY)

        later = asyncio.create_task(trade_later())
        changed = await scene.desk.changed(seen, 20)
        times.append(scene.seconds())
        assert changed != seen
        assert await scene.desk.changed(changed, 20) == changed
        times.append(scene.seconds())
        assert await scene.desk.changed(seen, 20) == changed
        times.append(scene.seconds())
        await later
        return times

    assert play(main) == [4.0, 24.0, 24.0]


def test_new_prices_alone_are_no_change_but_a_stop_that_they_fire_is() -> None:
    async def main(scene: Scene) -> None:
        stop = request("deal", side=Side.BUY, volume="1", stop_loss="1.09000")
        await scene.desk.send(stop)
        version = scene.desk.version
        scene.house.quote("EURUSD", "1.09500", "1.09510")
        assert scene.desk.version == version
        scene.house.quote("EURUSD", "1.09000", "1.09010")
        assert scene.desk.version > version

    play(main)


def test_a_delayed_request_is_executed_later_at_the_price_of_then() -> None:
    async def main(scene: Scene) -> tuple[TradeResult, float]:
        await scene.hurry(Fault(delay_ms=5000, answer_delay_ms=1000))
        sending = asyncio.create_task(scene.desk.send(BUY))
        await scene.world.sleep(2)
        assert not scene.desk.positions()
        scene.house.quote("EURUSD", "1.20000", "1.20010")
        await scene.world.sleep(3.5)
        assert scene.desk.positions()
        assert not sending.done()
        return await sending, scene.seconds()

    result, at = play(main)
    assert (result.price, at) == (D("1.20010"), 6.0)


def test_while_one_request_is_delayed_others_pass_it() -> None:
    async def main(scene: Scene) -> list[float]:
        await scene.hurry(Fault(delay_ms=5000))
        times: list[float] = []

        async def send() -> None:
            await scene.desk.send(BUY)
            times.append(scene.seconds())

        await asyncio.gather(send(), send())
        return times

    assert play(main) == [0.0, 5.0]


@pytest.mark.parametrize(("kind", "executed"), [(FaultKind.REQUEST_LOST, 0), (FaultKind.ANSWER_LOST, 1)])
def test_a_lost_request_and_a_lost_answer_look_the_same(kind: FaultKind, executed: int) -> None:
    async def main(scene: Scene) -> int:
        await scene.hurry(Fault(kind=kind))
        with pytest.raises(TerminalUnavailable):
            await scene.desk.send(BUY)
        return len(scene.desk.positions())

    assert play(main) == executed


def test_a_cut_off_terminal_shows_its_last_book_while_the_broker_goes_on() -> None:
    async def main(scene: Scene) -> None:
        await scene.desk.send(request("deal", side=Side.BUY, volume="1", stop_loss="1.09000"))
        scene.desk.set_link(False)
        scene.house.quote("EURUSD", "1.08000", "1.08010")
        assert not scene.broker.state.positions
        account = scene.desk.account()
        assert (account.connected, account.synchronised, account.ledger) == (False, False, 2)
        assert len(scene.desk.positions()) == 1
        assert len(scene.desk.deals(0)) == 2
        assert scene.desk.quotes(["EURUSD"])[0].bid == D("1.10000")
        assert (await scene.desk.send(BUY)).retcode == Retcode.CONNECTION
        scene.desk.set_link(True)
        assert scene.desk.account().connected
        assert not scene.desk.account().synchronised
        await scene.world.sleep(3)
        assert len(scene.desk.deals(0)) == 3
        assert scene.desk.positions() == ()

    profile = BrokerProfile(sync_delay_ms=3000)

    async def loaded(scene: Scene) -> None:
        await scene.world.sleep(3)
        await main(scene)

    play(loaded, profile)


def test_a_line_cut_while_a_request_travels_leaves_its_fate_unknown() -> None:
    async def main(scene: Scene) -> None:
        await scene.hurry(Fault(delay_ms=1000))
        sending = asyncio.create_task(scene.desk.send(BUY))
        await scene.world.sleep(0.5)
        scene.desk.set_link(False)
        with pytest.raises(TerminalUnavailable):
            await sending
        assert not scene.broker.state.positions

    play(main)


def test_pending_orders_expire_when_someone_looks() -> None:
    async def main(scene: Scene) -> None:
        until = scene.world.now() + timedelta(seconds=30)
        placed: dict[str, Any] = {
            "side": Side.BUY,
            "order_type": OrderType.LIMIT,
            "price": "1.09",
            "volume": "1",
        }
        result = await scene.desk.send(request("pending", magic=3, expires_at=until, **placed))
        assert result.done
        version = scene.desk.version
        await scene.world.sleep(30)
        assert scene.desk.orders() == ()
        assert scene.desk.version > version
        assert [order.state for order in scene.desk.order_history(3)] == ["expired"]

    play(main, BrokerProfile())


def test_operations_are_stamped_with_the_desks_own_time() -> None:
    async def main(scene: Scene) -> None:
        await scene.world.sleep(90 * 3600)
        result = scene.desk.operate(Balance(at=scene.house.at, kind=DealKind.DEPOSIT, amount=D(5)))
        assert result is not None
        assert scene.desk.operate(Switch(at=scene.house.at, autotrading=False)) is None
        assert scene.broker.state.deals[-1].executed_at == scene.world.now()
        assert not scene.desk.account().trade_allowed

    play(main)


def test_new_prices_tell_what_they_set_off() -> None:
    async def main(scene: Scene) -> None:
        stopped = request("deal", side=Side.BUY, volume="1", stop_loss="1.09")
        scene.broker.send(stopped, scene.world.now())
        assert scene.desk.take_quotes([Quote("EURUSD", D("1.095"), D("1.0951"))]) == []
        [deal] = scene.desk.take_quotes([Quote("EURUSD", D("1.08"), D("1.0801"))])
        assert deal.reason is DealReason.STOP_LOSS

    play(main)
