"""A real terminal process: the agent's port and the driver's control over a socket, restarts, and clean ends."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from kopitra.domain.orders import DealReason, OrderType, Side
from kopitra.domain.quotes import Quote
from kopitra.simulation.broker.faults import Fault, FaultKind
from kopitra.simulation.broker.fills import Exact
from kopitra.simulation.broker.profiles import MT4, MT5
from kopitra.simulation.broker.records import DealKind
from kopitra.simulation.broker.records import TradeRequest as HandRequest
from kopitra.simulation.broker.retcodes import Retcode
from kopitra_agent.ports.terminal import Terminal, TerminalUnavailable, TradeRequest
from kopitra_terminal.adapters.launch import StartFailed
from kopitra_terminal.connection import CallRefused
from kopitra_terminal.frames import framed
from tests.integration.terminal.stage import LOGIN, account, staged
from tests.unit.broker.house import D, spec

BUY = TradeRequest(action="deal", symbol="EURUSD", side=Side.BUY, volume=D("0.5"), magic=7, comment="K1x")
LIMIT = TradeRequest(
    action="pending",
    symbol="EURUSD",
    side=Side.BUY,
    order_type=OrderType.LIMIT,
    volume=D(1),
    price=D("1.09"),
    magic=8,
)


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "unix"])
async def test_the_whole_port_over_a_socket(tmp_path: Path, listen: str) -> None:
    address = f"unix:{tmp_path}/t.sock" if listen == "unix" else listen
    async with staged(tmp_path, listen=address) as stage:
        terminal: Terminal = stage.terminal()
        opened = await terminal.send(BUY)
        assert opened.retcode == Retcode.DONE
        placed = await terminal.send(LIMIT)
        assert [order.ticket for order in await terminal.orders()] == [placed.order_ticket]
        await terminal.send(TradeRequest(action="remove", symbol="EURUSD", order=placed.order_ticket))
        assert [order.state for order in await terminal.order_history(8)] == ["cancelled"]
        (position,) = await terminal.positions()
        assert (position.ticket, position.magic, position.volume) == (opened.position_ticket, 7, D("0.5"))
        view = await terminal.account()
        assert (view.login, view.connected, view.synchronised, view.ledger) == (LOGIN, True, True, 2)
        assert [deal.magic for deal in await terminal.deals(1)] == [7]
        assert {listed.symbol for listed in await terminal.symbols()} == {"EURUSD", "USDJPY"}
        assert [quote.ask for quote in await terminal.quotes(["EURUSD"])] == [D("1.10010")]


async def test_a_change_wakes_the_one_who_waits_while_other_calls_go_on(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        terminal = stage.terminal()
        await terminal.changed(5)
        waiting = asyncio.create_task(terminal.changed(10))
        await terminal.account()
        assert not waiting.done()
        await terminal.send(BUY)
        async with asyncio.timeout(2):
            await waiting


async def test_a_driver_trades_by_hand_at_exact_prices_and_reads_the_ledger(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        control = stage.control()
        opened = await control.open("EURUSD", Side.SELL, D("0.3"), price=D("1.23456"), key="1")
        again = await control.open("EURUSD", Side.SELL, D("0.3"), price=D("1.23456"), key="1")
        assert opened == again
        assert opened.position_ticket is not None
        changed = await control.change_stops("EURUSD", opened.position_ticket, stop_loss=D("1.3"))
        assert changed.done
        part = await control.close("EURUSD", opened.position_ticket, D("0.1"), price=D("1.2"))
        assert part.price == D("1.2")
        placed = await control.place("EURUSD", Side.BUY, OrderType.LIMIT, D(1), D("1.05"))
        assert placed.order_ticket is not None
        assert len(await control.orders()) == 1
        assert (await control.cancel("EURUSD", placed.order_ticket)).done
        await control.move_money(DealKind.WITHDRAWAL, D(-50))
        request = HandRequest(action="deal", symbol="EURUSD", position=opened.position_ticket)
        await control.by_hand(request, reason=DealReason.TAKE_PROFIT, exact=Exact(profit=D(9)))
        ledger = await control.ledger()
        assert [deal.ordinal for deal in ledger] == [1, 2, 3, 4, 5]
        assert (ledger[3].kind, ledger[4].reason, ledger[4].profit) == (
            DealKind.WITHDRAWAL,
            DealReason.TAKE_PROFIT,
            D(9),
        )
        assert await control.positions() == []
        assert (await control.account()).balance == (await control.state()).balance


async def test_switches_faults_and_profiles_take_effect(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        control, terminal = stage.control(), stage.terminal()
        await control.switch_autotrading(False)
        assert (await terminal.send(BUY)).retcode == Retcode.CLIENT_DISABLES_AUTOTRADING
        await control.switch_autotrading(True)
        await control.close_markets("EURUSD")
        assert (await terminal.send(BUY)).retcode == Retcode.MARKET_CLOSED
        await control.close_markets()
        await control.plan_faults(
            Fault(kind=FaultKind.ANSWER_LOST), Fault(retcode=10006, kind=FaultKind.REJECT)
        )
        with pytest.raises(TerminalUnavailable):
            await terminal.send(BUY)
        assert len(await terminal.positions()) == 1
        assert (await terminal.send(BUY)).retcode == Retcode.REJECT
        await control.change_profile(MT4)
        ticket = (await terminal.positions())[0].ticket
        part = await terminal.send(
            TradeRequest(action="deal", symbol="EURUSD", position=ticket, volume=D("0.1"))
        )
        assert part.remainder_ticket is not None
        await control.set_link(False)
        assert not (await terminal.account()).connected
        assert (await terminal.send(BUY)).retcode == Retcode.CONNECTION
        await control.set_link(True)
        await control.list_symbols(spec("GBPUSD"))
        assert len(await terminal.symbols()) == 3


async def test_quotes_reach_every_account_of_a_process_and_trades_only_one(tmp_path: Path) -> None:
    async with staged(tmp_path, account(1), account(2, currency="EUR")) as stage:
        control = stage.control(1)
        assert await control.logins() == [1, 2]
        await control.set_quotes([Quote("EURUSD", D("1.2"), D("1.2001"))])
        first, second = stage.terminal(1), stage.terminal(2)
        assert (await second.quotes(["EURUSD"]))[0].bid == D("1.2")
        await second.send(BUY)
        assert len(await second.positions()) == 1
        assert await first.positions() == []
        with pytest.raises(CallRefused, match="no account 3"):
            await stage.terminal(3).account()


async def test_a_stopped_process_ends_with_0_and_a_restart_knows_everything(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        terminal = stage.terminal()
        await terminal.send(BUY)
        before = await stage.control().state()
        assert await stage.process.stop() == 0
        with pytest.raises(TerminalUnavailable):
            await terminal.account()
        await stage.process.start()
        assert await stage.control().state() == before
        assert len(await terminal.positions()) == 1


async def test_after_a_restart_the_book_is_empty_until_the_history_has_loaded(tmp_path: Path) -> None:
    slow = msgspec.structs.replace(MT5, sync_delay_ms=400)
    async with staged(tmp_path, account(profile=slow)) as stage:
        terminal = stage.terminal()
        await terminal.send(BUY)
        await stage.process.kill()
        await stage.process.start()
        view = await terminal.account()
        assert (view.connected, view.synchronised, view.ledger) == (True, False, 0)
        assert await terminal.positions() == []
        await terminal.changed(5)
        while not (await terminal.account()).synchronised:
            await terminal.changed(5)
        assert len(await terminal.positions()) == 1


async def test_an_agent_that_dies_with_its_order_on_the_way_still_trades(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.control().plan_faults(Fault(delay_ms=150))
        agent = stage.terminal()
        sending = asyncio.create_task(agent.send(BUY))
        await asyncio.sleep(0.05)
        await agent.close()
        with pytest.raises(TerminalUnavailable):
            await sending
        assert await stage.control().positions() == []
        await asyncio.sleep(0.2)
        assert len(await stage.control().positions()) == 1


async def test_a_stranger_on_the_socket_harms_nobody(tmp_path: Path) -> None:
    async with staged(tmp_path, listen=f"unix:{tmp_path}/t.sock") as stage:
        for greeting in (b"GET / HTTP/1.1\r\n\r\n", framed(b"\xc1 nonsense")):
            reader, writer = await asyncio.open_unix_connection(tmp_path / "t.sock")
            writer.write(greeting)
            assert await reader.read() == b""
            writer.close()
        assert (await stage.terminal().account()).login == LOGIN


async def test_a_second_process_on_the_same_accounts_does_not_start(tmp_path: Path) -> None:
    async with staged(tmp_path):
        with pytest.raises(StartFailed, match="exit code 1"):
            async with staged(tmp_path):
                pass


async def test_pending_orders_expire_though_nobody_asks(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        control = stage.control()
        until = datetime.now(UTC) + timedelta(seconds=0.3)
        await control.place("EURUSD", Side.BUY, OrderType.LIMIT, D(1), D("1.05"), expires_at=until)
        agent = stage.terminal()
        await agent.changed(0)
        async with asyncio.timeout(3):
            await agent.changed(5)
        assert await agent.orders() == []
