"""What the MetaTrader 5 adapter reads and trades: decimals, UTC, tickets, tested against doubles and wall clocks."""

from datetime import timedelta
from typing import Any

import msgspec

from kopitra.domain.orders import DealEntry, DealReason, MarginMode, Side
from kopitra.simulation.broker.operations import Balance
from kopitra.simulation.broker.records import DealKind
from kopitra_agent.ports.terminal import TradeRequest
from tests.unit.broker.house import MONDAY, D
from tests.unit.terminal.mt5_scene import BUY, LIMIT, Scene


async def test_what_was_traded_reads_back_in_decimals_and_utc() -> None:
    scene = Scene()
    result = await scene.terminal.send(BUY)
    assert (result.retcode, result.volume, result.price) == (10009, D("0.3"), D("1.1001"))
    (position,) = await scene.terminal.positions()
    assert (position.volume, position.open_price, position.opened_at) == (D("0.3"), D("1.1001"), MONDAY)
    assert (position.ticket, position.position_id) == (result.position_ticket, result.position_id)
    assert (position.magic, position.comment, position.stop_loss) == (7, "K1x", None)
    deposit, deal = await scene.terminal.deals(0)
    assert (deposit.kind, deposit.profit, deposit.side) == ("deposit", D(10000), None)
    assert (deal.ordinal, deal.entry, deal.side, deal.reason) == (
        result.deal_id,
        DealEntry.IN,
        Side.BUY,
        DealReason.EXPERT,
    )
    assert deal.executed_at == MONDAY
    assert await scene.terminal.deals(deposit.ordinal) == [deal]
    (quote,) = await scene.terminal.quotes(["EURUSD"])
    assert (quote.bid, quote.ask, quote.at) == (D("1.1"), D("1.1001"), MONDAY)


async def test_the_account_tells_its_mode_its_money_and_its_last_deal() -> None:
    scene = Scene()
    result = await scene.terminal.send(BUY)
    account = await scene.terminal.account()
    assert (account.login, account.currency, account.mode) == (77, "USD", MarginMode.HEDGING)
    assert (account.balance, account.ledger) == (D(10000), result.deal_id)
    assert account.equity == D("9997")
    assert account.connected
    assert account.trade_allowed
    assert (await Scene(MarginMode.NETTING).terminal.account()).mode is MarginMode.NETTING


async def test_the_catalogue_is_the_terminals() -> None:
    scene = Scene()
    (eurusd,) = [spec for spec in await scene.terminal.symbols() if spec.symbol == "EURUSD"]
    assert eurusd.filling_modes == ("fok", "ioc")
    assert (eurusd.volume_step, eurusd.contract_size, eurusd.digits) == (D("0.01"), D(100000), 5)
    assert eurusd.point == D("0.00001")


async def test_a_close_names_its_ticket_and_a_part_of_it_its_volume() -> None:
    scene = Scene()
    ticket = (await scene.terminal.send(BUY)).position_ticket
    part = await scene.terminal.send(
        TradeRequest(action="deal", symbol="EURUSD", position=ticket, volume=D("0.1"), magic=7)
    )
    assert (part.retcode, part.volume, part.position_ticket) == (10009, D("0.1"), ticket)
    rest = await scene.terminal.send(TradeRequest(action="deal", symbol="EURUSD", position=ticket, magic=7))
    assert rest.volume == D("0.2")
    assert await scene.terminal.positions() == []
    gone = await scene.terminal.send(TradeRequest(action="deal", symbol="EURUSD", position=ticket))
    assert gone.retcode == 10036


async def test_stops_are_set_and_taken_away() -> None:
    scene = Scene()
    ticket = (await scene.terminal.send(BUY)).position_ticket
    change: dict[str, Any] = {"action": "sltp", "symbol": "EURUSD", "position": ticket}
    await scene.terminal.send(TradeRequest(**change, stop_loss=D("1.05"), take_profit=D("1.2")))
    (position,) = await scene.terminal.positions()
    assert (position.stop_loss, position.take_profit) == (D("1.05"), D("1.2"))
    await scene.terminal.send(TradeRequest(**change, take_profit=D("1.2")))
    (position,) = await scene.terminal.positions()
    assert (position.stop_loss, position.take_profit) == (None, D("1.2"))


async def test_a_pending_order_lives_and_ends_with_its_expiry_in_the_servers_clock() -> None:
    scene = Scene()
    until = MONDAY + timedelta(hours=1)
    placed = await scene.terminal.send(msgspec.structs.replace(LIMIT, expires_at=until))
    assert scene.api.sent[-1]["expiration"] == int(until.timestamp()) + 2 * 3600
    (order,) = await scene.terminal.orders()
    assert (order.ticket, order.expires_at, order.volume) == (placed.order_ticket, until, D("0.2"))
    changed = await scene.terminal.send(
        TradeRequest(action="modify", symbol="EURUSD", order=order.ticket, price=D("1.08"))
    )
    assert changed.retcode == 10009
    assert (await scene.terminal.orders())[0].expires_at is None
    await scene.terminal.send(TradeRequest(action="remove", symbol="EURUSD", order=order.ticket))
    (finished,) = await scene.terminal.order_history(8)
    assert (finished.state, finished.volume, finished.finished_at) == ("cancelled", D("0.2"), MONDAY)
    assert await scene.terminal.order_history(9) == []


async def test_a_filled_order_is_found_in_the_history_with_its_position() -> None:
    scene = Scene()
    await scene.terminal.send(LIMIT)
    scene.house.quote("EURUSD", "1.08990", "1.09000")
    (finished,) = await scene.terminal.order_history(8)
    assert finished.state == "filled"
    assert finished.position_id == (await scene.terminal.positions())[0].position_id


async def test_positions_close_by_each_other() -> None:
    scene = Scene()
    first = (await scene.terminal.send(BUY)).position_ticket
    sell = TradeRequest(action="deal", symbol="EURUSD", side=Side.SELL, volume=D("0.1"))
    second = (await scene.terminal.send(sell)).position_ticket
    result = await scene.terminal.send(
        TradeRequest(action="close_by", symbol="EURUSD", position=first, position_by=second)
    )
    assert result.retcode == 10009
    deals = await scene.terminal.deals(0)
    assert [(deal.entry, deal.reason) for deal in deals[-2:]] == [(DealEntry.OUT, DealReason.CLOSE_BY)] * 2


async def test_a_netting_reversal_names_the_new_ticket() -> None:
    scene = Scene(MarginMode.NETTING)
    first = await scene.terminal.send(BUY)
    turn = TradeRequest(action="deal", symbol="EURUSD", side=Side.SELL, volume=D("0.5"))
    result = await scene.terminal.send(turn)
    deal = (await scene.terminal.deals(0))[-1]
    assert (deal.entry, deal.remainder_ticket) == (DealEntry.INOUT, result.order_ticket)
    assert result.position_id == first.position_id
    assert result.position_ticket == result.order_ticket


async def test_money_moved_is_told_by_kind() -> None:
    scene = Scene()
    for kind, amount in ((DealKind.WITHDRAWAL, "-5.5"), (DealKind.CREDIT, "3")):
        scene.broker.apply(Balance(at=MONDAY, kind=kind, amount=D(amount)))
    assert [(deal.kind, deal.profit) for deal in await scene.terminal.deals(0)] == [
        ("deposit", D(10000)),
        ("withdrawal", D("-5.5")),
        ("credit", D(3)),
    ]


async def test_what_goes_through_a_net_position_keeps_its_own_number_and_the_ledgers_order() -> None:
    """As an offset is found again: by the magic number of its own order, whatever the position's is."""
    scene = Scene(MarginMode.NETTING)
    await scene.terminal.send(BUY)
    volumes = (("0.2", Side.BUY, 8), ("0.1", Side.SELL, 9), ("0.6", Side.SELL, 10), ("0.2", Side.BUY, 11))
    for volume, side, magic in volumes:
        request = TradeRequest(action="deal", symbol="EURUSD", side=side, volume=D(volume), magic=magic)
        await scene.terminal.send(request)
    deals = [deal for deal in await scene.terminal.deals(0) if deal.kind == "trade"]
    assert [(deal.entry, deal.magic) for deal in deals] == [
        (DealEntry.IN, 7),
        (DealEntry.IN, 8),
        (DealEntry.OUT, 9),
        (DealEntry.INOUT, 10),
        (DealEntry.OUT, 11),
    ]
    assert len({deal.position_id for deal in deals}) == 1
    assert [deal.ordinal for deal in deals] == sorted(deal.ordinal for deal in deals)
    assert (await scene.terminal.account()).mode is MarginMode.NETTING
    assert await scene.terminal.positions() == []
