"""Pending orders: placed, changed, cancelled, filled, expired."""

from decimal import Decimal

import msgspec

from kopitra.domain.orders import OrderType, Side
from kopitra.domain.symbols import SymbolSpec
from kopitra.simulation.broker import checks, dealing
from kopitra.simulation.broker.account import Account
from kopitra.simulation.broker.fills import Exact, Fill
from kopitra.simulation.broker.market_orders import Instruction, added_exposure
from kopitra.simulation.broker.records import OrderState, PendingOrder, TradeRequest, TradeResult, refused
from kopitra.simulation.broker.retcodes import Retcode, message_of

PENDING_TYPES = (OrderType.LIMIT, OrderType.STOP)
"""Stop-limit orders are refused (10035): copies are never placed as such."""


def place(account: Account, spec: SymbolSpec, order: Instruction) -> TradeResult:
    request = order.request
    side, price, volume = request.side, request.price, request.volume
    if side is None:
        return refused(Retcode.INVALID)
    if request.order_type not in PENDING_TYPES:
        return refused(Retcode.INVALID_ORDER)
    refusal = None if order.replayed else _placing_refusal(account, spec, side, request)
    if refusal:
        return refused(refusal)
    if price is None or volume is None:
        return refused(Retcode.INVALID_PRICE if price is None else Retcode.INVALID_VOLUME)
    placed = PendingOrder(
        ticket=account.new_ticket(),
        symbol=spec.symbol,
        side=side,
        order_type=request.order_type,
        volume=volume,
        price=price,
        placed_at=account.state.clock,
        stop_loss=request.stop_loss,
        take_profit=request.take_profit,
        expires_at=request.expires_at,
        magic=request.magic,
        comment=account.state.profile.comments.stored(request.comment),
        reason=order.reason,
    )
    account.put_order(placed)
    return _answer(placed, Retcode.PLACED)


def modify(account: Account, spec: SymbolSpec, order: Instruction) -> TradeResult:
    """Replace price, stops and expiry; side, type and volume stay."""
    request = order.request
    known = account.state.orders.get(request.order or 0)
    if known is None or known.symbol != spec.symbol or request.price is None:
        return refused(Retcode.INVALID)
    changed = msgspec.structs.replace(
        known,
        price=request.price,
        stop_loss=request.stop_loss,
        take_profit=request.take_profit,
        expires_at=request.expires_at,
    )
    if changed == known:
        return refused(Retcode.NO_CHANGES)
    refusal = None if order.replayed else _change_refusal(account, spec, known, changed)
    if refusal:
        return refused(refusal)
    account.put_order(changed)
    return _answer(changed, Retcode.DONE)


def cancel(account: Account, spec: SymbolSpec, order: Instruction) -> TradeResult:
    """An order that is filled, cancelled or expired already is an invalid request (10013): the history tells which."""
    known = account.state.orders.get(order.request.order or 0)
    if known is None or known.symbol != spec.symbol:
        return refused(Retcode.INVALID)
    if not order.replayed:
        refusal = checks.market_refusal(account, spec, account.state.clock) or checks.frozen_order(
            spec, known, account.state.quotes[spec.symbol]
        )
        if refusal:
            return refused(refusal)
    account.finish_order(known, OrderState.CANCELLED)
    return _answer(known, Retcode.DONE)


def fill(account: Account, order: PendingOrder, price: Decimal, exact: Exact | None = None) -> TradeResult:
    """Execute a pending order; without the money for it, it is cancelled (unless a history says that it was filled)."""
    spec = account.state.symbols[order.symbol]
    if exact is None:
        grown = added_exposure(account, order.symbol, order.side, order.volume)
        refusal = checks.money_refusal(account, spec, grown, price)
        if refusal:
            account.finish_order(order, OrderState.CANCELLED)
            return refused(refusal)
    result = dealing.enter(
        account,
        Fill(
            order_ticket=order.ticket,
            symbol=order.symbol,
            side=order.side,
            volume=order.volume,
            price=price,
            reason=order.reason,
            magic=order.magic,
            comment=order.comment,
            stop_loss=order.stop_loss,
            take_profit=order.take_profit,
            exact=exact,
        ),
    )
    account.finish_order(order, OrderState.FILLED, result.position_id)
    return result


def expire(account: Account) -> None:
    """Cancel what is due at the account's clock."""
    for order in account.expiring():
        if order.expires_at is not None and order.expires_at <= account.state.clock:
            account.finish_order(order, OrderState.EXPIRED)


def _placing_refusal(account: Account, spec: SymbolSpec, side: Side, request: TradeRequest) -> checks.Refusal:
    refusal = (
        checks.market_refusal(account, spec, account.state.clock)
        or checks.direction_refusal(spec, side)
        or checks.volume_refusal(spec, request.volume)
    )
    if refusal:
        return refusal
    if len(account.state.orders) >= account.state.profile.pending_limit:
        return Retcode.LIMIT_ORDERS
    if request.expires_at is not None and request.expires_at <= account.state.clock:
        return Retcode.INVALID_EXPIRATION
    assert request.volume is not None
    return _level_refusal(account, spec, side, request) or checks.exposure_refusal(
        account, spec.symbol, side, request.volume
    )


def _change_refusal(
    account: Account, spec: SymbolSpec, known: PendingOrder, changed: PendingOrder
) -> checks.Refusal:
    refusal = checks.market_refusal(account, spec, account.state.clock) or checks.frozen_order(
        spec, known, account.state.quotes[spec.symbol]
    )
    if refusal:
        return refusal
    if changed.expires_at is not None and changed.expires_at <= account.state.clock:
        return Retcode.INVALID_EXPIRATION
    return _level_refusal(account, spec, changed.side, changed)


def _level_refusal(
    account: Account, spec: SymbolSpec, side: Side, order: TradeRequest | PendingOrder
) -> checks.Refusal:
    quote = account.state.quotes[spec.symbol]
    refusal = checks.pending_price_refusal(spec, side, order.order_type, order.price, quote)
    if refusal or order.price is None:
        return refusal
    return checks.stops_refusal(spec, side, order.stop_loss, order.take_profit, against=order.price)


def _answer(order: PendingOrder, retcode: Retcode) -> TradeResult:
    return TradeResult(
        retcode=retcode,
        message=message_of(retcode),
        order_ticket=order.ticket,
        volume=order.volume,
        price=order.price,
    )
