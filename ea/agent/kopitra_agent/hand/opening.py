"""Opening a copy, at market or by a pending order: checked, written down, sent once."""

from decimal import Decimal

import msgspec

from kopitra.domain.orders import OrderType, Side
from kopitra.domain.quotes import Quote
from kopitra.domain.trading import AckStatus, Order
from kopitra_agent.hand.floor import SENDS, TERMINAL_PAUSE_SECONDS, Floor
from kopitra_agent.hand.records import Outcome
from kopitra_agent.hand.resolving import resolve_open
from kopitra_agent.hand.retcodes import Reading, Verdict, reading_of
from kopitra_agent.hand.worklist import Work
from kopitra_agent.ports.storage import StorageFailed
from kopitra_agent.ports.terminal import TerminalUnavailable, TradeRequest, TradeResult


async def open_copy(floor: Floor, work: Work) -> Outcome:
    """Send an open unless something speaks against it; find out what became of one that may have been sent."""
    memory, order = floor.memory, work.order
    if work.intent is not None:
        return await resolve_open(floor, work, work.intent)
    if order.command_id in memory.state.tombstones:
        return floor.outcome(work, AckStatus.SUPERSEDED, "closed_before_open")
    if order.magic in memory.state.strangers:
        looked_for = floor.intend(work, order.volume, ledger=0 if floor.netting else None)
        return await resolve_open(floor, work, looked_for)
    for attempt in range(SENDS):
        ready = await _checked(floor, work)
        if isinstance(ready, Outcome):
            return ready
        sent = await _send(floor, work, ready)
        if isinstance(sent, Outcome):
            return sent
        result, reading = sent
        if reading.verdict is not Verdict.AGAIN or attempt == SENDS - 1:
            return _rejected(floor, work, result, reading)
        await floor.pause(attempt)
    raise AssertionError("the last attempt returns")


async def _checked(floor: Floor, work: Work) -> TradeRequest | Outcome:
    """What to send now, at a fresh price; or why nothing may be sent any more."""
    order = work.order
    while True:
        hindrance = _hindrance(floor, work)
        if hindrance is not None:
            return hindrance
        if not needs_price(order):
            return request_of(order, None)
        try:
            quote = next(iter(await floor.terminal.quotes([order.symbol])), None)
        except TerminalUnavailable:
            await floor.sleeper.sleep(TERMINAL_PAUSE_SECONDS)
            continue
        if quote is None:
            return floor.outcome(work, AckStatus.REJECTED, "no_quotes")
        price = price_of(quote, order.side)
        if drifted(order, price):
            return floor.outcome(work, AckStatus.REJECTED, "price_drift")
        return _hindrance(floor, work) or request_of(order, price)


def _hindrance(floor: Floor, work: Work) -> Outcome | None:
    if floor.halted():
        return floor.outcome(work, AckStatus.REJECTED, "halted")
    if floor.expired(work):
        return floor.outcome(work, AckStatus.EXPIRED, "ttl")
    return None


def needs_price(order: Order) -> bool:
    """Whether the order's limits are measured from the price now."""
    return order.order_type is OrderType.MARKET and (
        order.max_drift is not None or order.max_deviation is not None
    )


async def _send(floor: Floor, work: Work, request: TradeRequest) -> Outcome | tuple[TradeResult, Reading]:
    intent = floor.memory.state.intents.get(work.order.command_id)
    try:
        intent = intent or floor.intend(work, work.order.volume)
    except StorageFailed as error:
        floor.on_trouble("storage_failed", f"an open was not sent: {error}")
        return floor.outcome(work, AckStatus.REJECTED, "storage_failed")
    try:
        result = await floor.terminal.send(request)
    except TerminalUnavailable:
        return await resolve_open(floor, work, intent)
    reading = reading_of(result.retcode)
    if reading.verdict is Verdict.DONE:
        return floor.executed(work, [result])
    if reading.verdict is Verdict.UNCERTAIN:
        outcome = await resolve_open(floor, work, intent)
        return msgspec.structs.replace(outcome, retcode=result.retcode)
    return result, reading


def _rejected(floor: Floor, work: Work, result: TradeResult, reading: Reading) -> Outcome:
    """An open is never deferred: by the time the market is back its price is another one."""
    outcome = floor.outcome(work, AckStatus.REJECTED, reading.reason)
    return msgspec.structs.replace(outcome, retcode=result.retcode)


def price_of(quote: Quote, side: Side) -> Decimal:
    """What a market order of this side pays now."""
    return quote.ask if side is Side.BUY else quote.bid


def drifted(order: Order, price: Decimal) -> bool:
    """Whether the price has left the range around the leader's, either way, in which the copy was wanted."""
    if order.reference_price is None or order.max_drift is None:
        return False
    return abs(price - order.reference_price) > order.max_drift


def request_of(order: Order, price: Decimal | None) -> TradeRequest:
    market = order.order_type is OrderType.MARKET
    return TradeRequest(
        action="deal" if market else "pending",
        symbol=order.symbol,
        side=order.side,
        order_type=order.order_type,
        volume=order.volume,
        price=price if market else order.price,
        stop_loss=order.stop_loss,
        take_profit=order.take_profit,
        deviation=order.max_deviation if market else None,
        expires_at=order.order_expires_at,
        magic=order.magic,
        comment=order.comment,
    )
