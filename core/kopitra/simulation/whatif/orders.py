"""One order of the core at a simulated broker, as an EA carries it out: what to send, what to make of the answer."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from kopitra.domain.orders import OrderType, Side
from kopitra.domain.quantities import ZERO
from kopitra.domain.trading import AckStatus, Order, OrderAction
from kopitra.simulation.broker.broker import SimulatedBroker
from kopitra.simulation.broker.market import entry_price
from kopitra.simulation.broker.records import PendingOrder, Position, TradeRequest, TradeResult
from kopitra.simulation.whatif.answers import Answer, Verdict, answer_of

AFTER_TERMINAL_SECONDS = 5.0
"""When a reduction that did not come to its end is worth driving again."""
ROUNDS = 8
"""Looks at the book for one close, partial fills included."""
ALREADY_FILLED = "already_filled"


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be acknowledged. `again`: not yet; worth another attempt at a fresh price."""

    status: AckStatus
    reason: str | None = None
    retcode: int | None = None
    retry_at: datetime | None = None
    again: bool = False


def carry_out(broker: SimulatedBroker, order: Order, at: datetime, expires_at: datetime | None) -> Outcome:
    """`expires_at`: from when on an open is not sent any more."""
    if order.action is OrderAction.OPEN and expires_at is not None and expires_at <= at:
        return Outcome(status=AckStatus.EXPIRED, reason="ttl")
    return _PROCEDURES[order.action](broker, order, at)


def _open(broker: SimulatedBroker, order: Order, at: datetime) -> Outcome:
    market = order.order_type is OrderType.MARKET
    price = order.price
    if market:
        price = None
        if order.max_drift is not None or order.max_deviation is not None:
            quote = broker.state.quotes.get(order.symbol)
            if quote is None:
                return Outcome(status=AckStatus.REJECTED, reason="no_quotes")
            price = entry_price(quote, order.side)
            if _drifted(order, price):
                return Outcome(status=AckStatus.REJECTED, reason="price_drift")
    request = TradeRequest(
        action="deal" if market else "pending",
        symbol=order.symbol,
        side=order.side,
        order_type=order.order_type,
        volume=order.volume,
        price=price,
        stop_loss=order.stop_loss,
        take_profit=order.take_profit,
        deviation=order.max_deviation if market else None,
        expires_at=order.order_expires_at,
        magic=order.magic,
        comment=order.comment,
    )
    return _settled(broker.send(request, at), opens=True)


def _drifted(order: Order, price: Decimal) -> bool:
    if order.reference_price is None or order.max_drift is None:
        return False
    return abs(price - order.reference_price) > order.max_drift


def _modify(broker: SimulatedBroker, order: Order, at: datetime) -> Outcome:
    position = next(iter(positions_of(broker, order)), None)
    if position is not None:
        request = TradeRequest(
            action="sltp",
            symbol=position.symbol,
            side=position.side,
            position=position.ticket,
            stop_loss=order.stop_loss,
            take_profit=order.take_profit,
            magic=order.magic,
        )
        return _settled(broker.send(request, at))
    resting = next(iter(_resting(broker, order)), None)
    if resting is None:
        return Outcome(status=AckStatus.ALREADY_CLOSED)
    return _settled(broker.send(_changed_order(order, resting), at))


def _changed_order(order: Order, resting: PendingOrder) -> TradeRequest:
    return TradeRequest(
        action="modify",
        symbol=resting.symbol,
        side=resting.side,
        order_type=resting.order_type,
        order=resting.ticket,
        price=order.price or resting.price,
        stop_loss=order.stop_loss,
        take_profit=order.take_profit,
        expires_at=order.order_expires_at or resting.expires_at,
        magic=order.magic,
    )


def _close(broker: SimulatedBroker, order: Order, at: datetime) -> Outcome:
    """Bring the live volume down to the target, 0 for a close, and take a resting order away."""
    partial = order.action is OrderAction.PARTIAL_CLOSE
    target = (order.target_volume or ZERO) if partial else ZERO
    removed = False
    if not partial:
        for resting in _resting(broker, order):
            refused = _remove(broker, resting, at)
            if refused is not None:
                return refused
            removed = True
    done = False
    for _ in range(ROUNDS):
        live = positions_of(broker, order)
        excess = sum((position.volume for position in live), ZERO) - target
        if excess <= ZERO:
            was = done or removed or bool(live)
            return Outcome(status=AckStatus.EXECUTED if was else AckStatus.ALREADY_CLOSED)
        result = broker.send(_reduction(order, live[-1], min(excess, live[-1].volume), whole=not target), at)
        if answer_of(result.retcode).verdict is not Verdict.DONE:
            return _settled(result, at=at)
        done = True
    return _deferred(at, "unfinished", AFTER_TERMINAL_SECONDS)


def _reduction(order: Order, position: Position, volume: Decimal, *, whole: bool) -> TradeRequest:
    return TradeRequest(
        action="deal",
        symbol=position.symbol,
        side=position.side.opposite,
        volume=None if whole else volume,
        magic=order.magic,
        comment=order.comment,
        position=position.ticket,
    )


def _cancel(broker: SimulatedBroker, order: Order, at: datetime) -> Outcome:
    """An order that was filled meanwhile is told, so that the core closes what came of it."""
    found = _resting(broker, order)
    for resting in found:
        refused = _remove(broker, resting, at)
        if refused is not None:
            return refused
    if positions_of(broker, order):
        return Outcome(status=AckStatus.FAILED, reason=ALREADY_FILLED)
    return Outcome(status=AckStatus.EXECUTED if found else AckStatus.ALREADY_CLOSED)


def _remove(broker: SimulatedBroker, resting: PendingOrder, at: datetime) -> Outcome | None:
    """None where it was removed."""
    request = TradeRequest(
        action="remove",
        symbol=resting.symbol,
        order_type=resting.order_type,
        order=resting.ticket,
        magic=resting.magic,
    )
    result = broker.send(request, at)
    return None if result.done else _settled(result, at=at)


def _offset(broker: SimulatedBroker, order: Order, at: datetime) -> Outcome:
    """Trade on a netting account's one position of a symbol, if it is what the core believes it to be."""
    net = sum(
        (
            position.volume if position.side is Side.BUY else -position.volume
            for position in broker.state.positions.values()
            if position.symbol == order.symbol
        ),
        ZERO,
    )
    if order.expected_net_before is not None and net != order.expected_net_before:
        return _deferred(at, "net_mismatch", AFTER_TERMINAL_SECONDS)
    request = TradeRequest(
        action="deal",
        symbol=order.symbol,
        side=order.side,
        volume=order.volume,
        magic=order.magic,
        comment=order.comment,
    )
    return _settled(broker.send(request, at), at=at)


def positions_of(broker: SimulatedBroker, order: Order) -> list[Position]:
    """The command's own: by magic number and symbol, else by the lasting id, else by ticket."""
    return [position for position in broker.state.positions.values() if _belongs(position, order)]


def _belongs(position: Position, order: Order) -> bool:
    if order.magic and (position.magic, position.symbol) == (order.magic, order.symbol):
        return True
    if order.position_id is not None:
        return position.position_id == order.position_id
    return order.ticket is not None and position.ticket == order.ticket


def _resting(broker: SimulatedBroker, order: Order) -> list[PendingOrder]:
    return [
        resting
        for resting in broker.state.orders.values()
        if (order.magic and resting.magic == order.magic)
        or (not order.magic and order.ticket == resting.ticket)
    ]


def _settled(result: TradeResult, *, opens: bool = False, at: datetime | None = None) -> Outcome:
    """`at`: of a reduction, which is worth trying again for as long as it takes."""
    answer = answer_of(result.retcode)
    match answer.verdict:
        case Verdict.DONE | Verdict.UNCHANGED:
            return Outcome(status=AckStatus.EXECUTED, retcode=result.retcode)
        case Verdict.AGAIN:
            return _refused(answer, result, again=True)
        case Verdict.LATER | Verdict.GONE if at is not None and not opens:
            outcome = _deferred(at, answer.reason, answer.later or AFTER_TERMINAL_SECONDS)
            return msgspec.structs.replace(outcome, retcode=result.retcode)
        case _:
            return _refused(answer, result)


def _refused(answer: Answer, result: TradeResult, *, again: bool = False) -> Outcome:
    return Outcome(status=AckStatus.REJECTED, reason=answer.reason, retcode=result.retcode, again=again)


def _deferred(at: datetime, reason: str, seconds: float) -> Outcome:
    return Outcome(status=AckStatus.DEFERRED, reason=reason, retry_at=at + timedelta(seconds=seconds))


_Procedure = Callable[[SimulatedBroker, Order, datetime], Outcome]

_PROCEDURES: dict[OrderAction, _Procedure] = {
    OrderAction.OPEN: _open,
    OrderAction.MODIFY: _modify,
    OrderAction.PARTIAL_CLOSE: _close,
    OrderAction.CLOSE: _close,
    OrderAction.CANCEL: _cancel,
    OrderAction.OFFSET: _offset,
}
