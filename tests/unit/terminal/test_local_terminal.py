"""The terminal without a process: the agent's port, kill -9 and restart, all under virtual time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from kopitra.domain.orders import OrderType, Side
from kopitra.simulation.broker.faults import Fault
from kopitra.simulation.broker.operations import PlanFaults
from kopitra.simulation.broker.profiles import BrokerProfile
from kopitra.simulation.virtual_time import VirtualTime, run_virtual
from kopitra_agent.ports.terminal import (
    Deal,
    PendingOrder,
    Position,
    Terminal,
    TerminalAccount,
    TerminalUnavailable,
    TradeRequest,
    TradeResult,
)
from kopitra_terminal.local import LocalTerminal
from tests.unit.broker.house import MONDAY, D, quoted_house

T = TypeVar("T")
BUY = TradeRequest(action="deal", symbol="EURUSD", side=Side.BUY, volume=D(1), magic=5, comment="K1")
LIMIT = TradeRequest(
    action="pending",
    symbol="EURUSD",
    side=Side.BUY,
    order_type=OrderType.LIMIT,
    volume=D(1),
    price=D("1.09"),
    magic=6,
)


def play(
    main: Callable[[VirtualTime, LocalTerminal], Awaitable[T]], profile: BrokerProfile | None = None
) -> T:
    async def scene(world: VirtualTime) -> T:
        return await main(world, LocalTerminal(quoted_house(profile).broker.state, world, world))

    return run_virtual(1, scene, MONDAY)


def as_port(terminal: LocalTerminal) -> Terminal:
    """The type checker sees that the port is implemented."""
    return terminal


def test_every_call_answers_in_the_ports_own_types() -> None:
    async def main(world: VirtualTime, local: LocalTerminal) -> None:
        terminal = as_port(local)
        result = await terminal.send(BUY)
        assert type(result) is TradeResult
        placed = await terminal.send(LIMIT)
        await terminal.send(TradeRequest(action="remove", symbol="EURUSD", order=placed.order_ticket))
        await terminal.send(LIMIT)
        assert type(await terminal.account()) is TerminalAccount
        assert [type(position) for position in await terminal.positions()] == [Position]
        assert [type(order) for order in await terminal.orders()] == [PendingOrder]
        (finished,) = await terminal.order_history(6)
        assert (type(finished), finished.state) == (PendingOrder, "cancelled")
        deals = await terminal.deals(0)
        assert [type(deal) for deal in deals] == [Deal, Deal]
        assert (deals[0].kind, deals[1].kind, deals[1].magic) == ("deposit", "trade", 5)
        assert {spec.symbol for spec in await terminal.symbols()} >= {"EURUSD"}
        assert [quote.bid for quote in await terminal.quotes(["EURUSD", "XAUUSD"])] == [D("1.10000")]

    play(main)


def test_the_first_look_for_changes_returns_at_once_and_later_ones_wait() -> None:
    async def main(world: VirtualTime, terminal: LocalTerminal) -> list[float]:
        times: list[float] = []
        for _ in range(2):
            await terminal.changed(7)
            times.append(world.monotonic())
        return times

    assert play(main) == [0.0, 7.0]


def test_while_crashed_nothing_answers_and_after_a_restart_everything_executed_is_there() -> None:
    async def main(world: VirtualTime, terminal: LocalTerminal) -> None:
        await world.sleep(2)
        await terminal.send(BUY)
        terminal.crash()
        for call in (terminal.account, terminal.positions, terminal.symbols, terminal.orders):
            with pytest.raises(TerminalUnavailable):
                await call()
        with pytest.raises(TerminalUnavailable):
            await terminal.send(BUY)
        with pytest.raises(TerminalUnavailable):
            await terminal.changed(1)
        terminal.restart()
        assert not (await terminal.account()).synchronised
        assert await terminal.positions() == []
        await world.sleep(2)
        assert len(await terminal.positions()) == 1

    play(main, BrokerProfile(sync_delay_ms=2000))


def test_a_crash_ends_what_was_on_its_way() -> None:
    async def main(world: VirtualTime, terminal: LocalTerminal) -> None:
        terminal.desk.operate(PlanFaults(at=world.now(), scripted=(Fault(delay_ms=9000),)))
        await terminal.changed(1)
        sending = asyncio.create_task(terminal.send(BUY))
        waiting = asyncio.create_task(terminal.changed(50))
        await world.sleep(1)
        terminal.crash()
        for task in (sending, waiting):
            with pytest.raises(TerminalUnavailable):
                await task
        terminal.restart()
        await world.sleep(20)
        assert await terminal.positions() == []

    play(main)


def test_a_trade_whose_sender_died_is_executed_all_the_same() -> None:
    async def main(world: VirtualTime, terminal: LocalTerminal) -> None:
        terminal.desk.operate(PlanFaults(at=world.now(), scripted=(Fault(delay_ms=3000),)))
        sending = asyncio.create_task(terminal.send(BUY))
        await world.sleep(1)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert await terminal.positions() == []
        await world.sleep(3)
        assert len(await terminal.positions()) == 1

    play(main)
