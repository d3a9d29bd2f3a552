"""Market orders, closes and changes of stops: the checks in the broker's order, then the deal."""

from dataclasses import dataclass
from decimal import Decimal

import msgspec

from kopitra.domain.orders import DealReason, MarginMode, Side
from kopitra.domain.quantities import ZERO, floor_to_step
from kopitra.domain.quotes import Quote
from kopitra.domain.symbols import SymbolSpec
from kopitra.simulation.broker import checks, dealing
from kopitra.simulation.broker.account import Account
from kopitra.simulation.broker.dealing import Closing
from kopitra.simulation.broker.fills import Exact, Fill
from kopitra.simulation.broker.market import entry_price, exit_price
from kopitra.simulation.broker.records import Position, TradeRequest, TradeResult, refused
from kopitra.simulation.broker.retcodes import Retcode, message_of
from kopitra.simulation.draws import PER_MILLE, drawn_between


@dataclass(frozen=True, kw_only=True)
class Instruction:
    """A request with who gave it. With `exact` figures it replays a history, which no market check can refuse."""

    request: TradeRequest
    reason: DealReason = DealReason.EXPERT
    fill_per_mille: int = PER_MILLE
    exact: Exact | None = None

    @property
    def replayed(self) -> bool:
        return self.exact is not None


def open_at_market(account: Account, spec: SymbolSpec, order: Instruction) -> TradeResult:
    request = order.request
    side, volume = request.side, request.volume
    if side is None or volume is None or volume <= 0:
        return refused(Retcode.INVALID if side is None else Retcode.INVALID_VOLUME)
    if not order.replayed:
        refusal = _opening_refusal(account, spec, side, volume, request)
        if refusal:
            return _with_market_price(account, spec, side, refusal)
        volume = _filled(spec, volume, order.fill_per_mille)
        if not volume:
            return refused(Retcode.REJECT)
    price = _price(account, spec, side, order.exact)
    if price is None:
        return refused(Retcode.PRICE_OFF)
    fill = Fill(
        order_ticket=account.new_ticket(),
        symbol=spec.symbol,
        side=side,
        volume=volume,
        price=price,
        reason=order.reason,
        magic=request.magic,
        comment=request.comment,
        stop_loss=request.stop_loss,
        take_profit=request.take_profit,
        exact=order.exact,
    )
    return _as_filled(dealing.enter(account, fill), request.volume)


def close_at_market(
    account: Account, spec: SymbolSpec, position: Position, order: Instruction
) -> TradeResult:
    request = order.request
    side = position.side.opposite
    if position.symbol != spec.symbol or request.side not in (None, side):
        return refused(Retcode.INVALID)
    volume = position.volume if request.volume is None else request.volume
    refusal = checks.close_volume_refusal(spec, position, volume) if not order.replayed else None
    if not order.replayed and not refusal:
        refusal = _closing_refusal(account, spec, position, request)
    if refusal:
        return _with_market_price(account, spec, side, refusal)
    filled = _filled(spec, volume, order.fill_per_mille)
    price = _price(account, spec, side, order.exact)
    if not 0 < filled <= position.volume:
        return refused(Retcode.REJECT if not filled else Retcode.INVALID_CLOSE_VOLUME)
    if price is None:
        return refused(Retcode.PRICE_OFF)
    return _as_filled(dealing.close(account, position, _closing(order, filled, price)), volume)


def close_against(account: Account, position: Position, order: Instruction) -> TradeResult:
    """Close a position by an opposite one of the same symbol; hedging accounts only."""
    other = account.state.positions.get(order.request.position_by or 0)
    if other is None:
        return refused(Retcode.POSITION_CLOSED)
    opposite = other.symbol == position.symbol and other.side is position.side.opposite
    if account.state.terms.mode is MarginMode.NETTING or not opposite:
        return refused(Retcode.INVALID)
    spec = account.state.symbols[position.symbol]
    refusal = None if order.replayed else checks.market_refusal(account, spec, account.state.clock)
    if refusal:
        return refused(refusal)
    return dealing.close_by(account, position, other, _closing(order, ZERO, ZERO))


def change_stops(account: Account, spec: SymbolSpec, position: Position, order: Instruction) -> TradeResult:
    request = order.request
    if position.symbol != spec.symbol:
        return refused(Retcode.INVALID)
    if (request.stop_loss, request.take_profit) == (position.stop_loss, position.take_profit):
        return refused(Retcode.NO_CHANGES)
    refusal = None if order.replayed else _stops_change_refusal(account, spec, position, request)
    if refusal:
        return refused(refusal)
    account.put(
        msgspec.structs.replace(position, stop_loss=request.stop_loss, take_profit=request.take_profit)
    )
    return TradeResult(
        retcode=Retcode.DONE,
        message=message_of(Retcode.DONE),
        position_id=position.position_id,
        position_ticket=position.ticket,
    )


def added_exposure(account: Account, symbol: str, side: Side, volume: Decimal) -> Decimal:
    """Lots that need new margin: on a netting account only what the net position grows by."""
    if account.state.terms.mode is MarginMode.HEDGING:
        return volume
    held = sum((p.volume if p.side is side else -p.volume for p in account.positions_of(symbol)), ZERO)
    return max(abs(held + volume) - abs(held), ZERO)


def _opening_refusal(
    account: Account, spec: SymbolSpec, side: Side, volume: Decimal, request: TradeRequest
) -> checks.Refusal:
    refusal = (
        checks.market_refusal(account, spec, account.state.clock)
        or checks.direction_refusal(spec, side)
        or checks.volume_refusal(spec, volume)
    )
    if refusal:
        return refusal
    quote = account.state.quotes[spec.symbol]
    price = _market_price(account, spec, quote, side)
    return (
        _moved(request, price)
        or checks.stops_refusal(
            spec, side, request.stop_loss, request.take_profit, against=exit_price(quote, side)
        )
        or checks.exposure_refusal(account, spec.symbol, side, volume)
        or checks.money_refusal(account, spec, added_exposure(account, spec.symbol, side, volume), price)
    )


def _closing_refusal(
    account: Account, spec: SymbolSpec, position: Position, request: TradeRequest
) -> checks.Refusal:
    refusal = checks.market_refusal(account, spec, account.state.clock)
    if refusal:
        return refusal
    quote = account.state.quotes[spec.symbol]
    price = _market_price(account, spec, quote, position.side.opposite)
    return checks.frozen_position(spec, position, quote) or _moved(request, price)


def _stops_change_refusal(
    account: Account, spec: SymbolSpec, position: Position, request: TradeRequest
) -> checks.Refusal:
    refusal = checks.market_refusal(account, spec, account.state.clock)
    if refusal:
        return refusal
    quote = account.state.quotes[spec.symbol]
    return checks.frozen_position(spec, position, quote) or checks.stops_refusal(
        spec,
        position.side,
        request.stop_loss,
        request.take_profit,
        against=exit_price(quote, position.side),
    )


def _moved(request: TradeRequest, price: Decimal) -> checks.Refusal:
    if request.price is None or request.deviation is None:
        return None
    return Retcode.REQUOTE if abs(price - request.price) > request.deviation else None


def _with_market_price(account: Account, spec: SymbolSpec, side: Side, refusal: Retcode) -> TradeResult:
    """A refusal; a requote also says the price at which the broker would deal."""
    quote = account.state.quotes.get(spec.symbol)
    price = entry_price(quote, side) if quote and refusal is Retcode.REQUOTE else None
    return refused(refusal, price=price)


def _price(account: Account, spec: SymbolSpec, side: Side, exact: Exact | None) -> Decimal | None:
    if exact is not None and exact.price is not None:
        return exact.price
    quote = account.state.quotes.get(spec.symbol)
    return None if quote is None else _market_price(account, spec, quote, side)


def _market_price(account: Account, spec: SymbolSpec, quote: Quote, side: Side) -> Decimal:
    """The quote's, or worse by what the broker's next deal slips."""
    price, bounds = entry_price(quote, side), account.state.profile.slippage_points
    if not any(bounds):
        return price
    slipped = spec.point * drawn_between(
        account.state.terms.login, "slippage", account.state.next_deal, bounds
    )
    return price + slipped if side is Side.BUY else max(price - slipped, spec.point)


def _filled(spec: SymbolSpec, volume: Decimal, fill_per_mille: int) -> Decimal:
    """What the market gives of the volume, in whole steps."""
    if fill_per_mille >= PER_MILLE:
        return volume
    return floor_to_step(volume * fill_per_mille / PER_MILLE, spec.volume_step)


def _as_filled(result: TradeResult, asked: Decimal | None) -> TradeResult:
    if asked is None or result.volume == asked:
        return result
    partial = Retcode.DONE_PARTIAL
    return msgspec.structs.replace(result, retcode=partial, message=message_of(partial))


def _closing(order: Instruction, volume: Decimal, price: Decimal) -> Closing:
    return Closing(
        volume=volume,
        price=price,
        reason=order.reason,
        magic=order.request.magic,
        comment=order.request.comment,
        exact=order.exact,
    )
