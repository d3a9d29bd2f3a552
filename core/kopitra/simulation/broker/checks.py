"""What a broker refuses, in the order in which it looks: each check answers with a retcode or None."""

from datetime import datetime
from decimal import Decimal

from kopitra.domain.orders import OrderType, Side
from kopitra.domain.quotes import Quote
from kopitra.domain.symbols import SymbolSpec, TradeMode
from kopitra.simulation.broker.account import Account
from kopitra.simulation.broker.market import entry_price, exit_price, is_open
from kopitra.simulation.broker.money import free_margin, known_rate, margin_of
from kopitra.simulation.broker.records import PendingOrder, Position
from kopitra.simulation.broker.retcodes import Retcode

Refusal = Retcode | None


def market_refusal(account: Account, spec: SymbolSpec, at: datetime) -> Refusal:
    """Trading in this symbol now, whatever the direction."""
    if spec.trade_mode is TradeMode.DISABLED:
        return Retcode.TRADE_DISABLED
    if not is_open(account.state, spec.symbol, at):
        return Retcode.MARKET_CLOSED
    if spec.symbol not in account.state.quotes:
        return Retcode.PRICE_OFF
    return None


def direction_refusal(spec: SymbolSpec, side: Side) -> Refusal:
    """Opening in this direction."""
    if spec.trade_mode is TradeMode.CLOSE_ONLY:
        return Retcode.CLOSE_ONLY
    if spec.trade_mode is TradeMode.LONG_ONLY and side is Side.SELL:
        return Retcode.LONG_ONLY
    if spec.trade_mode is TradeMode.SHORT_ONLY and side is Side.BUY:
        return Retcode.SHORT_ONLY
    return None


def volume_refusal(spec: SymbolSpec, volume: Decimal | None) -> Refusal:
    if volume is None or not spec.volume_min <= volume <= spec.volume_max or volume % spec.volume_step:
        return Retcode.INVALID_VOLUME
    return None


def close_volume_refusal(spec: SymbolSpec, position: Position, volume: Decimal) -> Refusal:
    """The whole position may always be closed; a part must be a volume of its own."""
    if volume <= 0:
        return Retcode.INVALID_VOLUME
    if volume > position.volume:
        return Retcode.INVALID_CLOSE_VOLUME
    return None if volume == position.volume else volume_refusal(spec, volume)


def exposure_refusal(account: Account, symbol: str, side: Side, volume: Decimal) -> Refusal:
    """The broker's limit on lots of one symbol and side, pending orders included."""
    limit = account.state.profile.volume_limit
    if limit is None:
        return None
    held = sum((p.volume for p in account.positions_of(symbol) if p.side is side), volume)
    held = sum((o.volume for o in account.orders_of(symbol) if o.side is side), held)
    return Retcode.LIMIT_VOLUME if held > limit else None


def is_normal(spec: SymbolSpec, price: Decimal | None) -> bool:
    """A positive price with no more digits than the symbol has."""
    return price is not None and price > 0 and not price % spec.point


def stops_refusal(
    spec: SymbolSpec,
    side: Side,
    stop_loss: Decimal | None,
    take_profit: Decimal | None,
    against: Decimal,
) -> Refusal:
    """Stops on their side of `against` and at least the stops level away from it."""
    least = max(spec.stops_level, 1) * spec.point
    sign = 1 if side is Side.BUY else -1
    for level, distance in (
        (stop_loss, None if stop_loss is None else (against - stop_loss) * sign),
        (take_profit, None if take_profit is None else (take_profit - against) * sign),
    ):
        if distance is not None and (not is_normal(spec, level) or distance < least):
            return Retcode.INVALID_STOPS
    return None


def pending_price_refusal(
    spec: SymbolSpec, side: Side, order_type: OrderType, price: Decimal | None, quote: Quote
) -> Refusal:
    """A limit waits at a better price than the market's, a stop at a worse one, both the stops level away."""
    if price is None or not is_normal(spec, price):
        return Retcode.INVALID_PRICE
    better = entry_price(quote, side) - price
    if (side is Side.SELL) != (order_type is OrderType.STOP):
        better = -better
    return Retcode.INVALID_PRICE if better < max(spec.stops_level, 1) * spec.point else None


def frozen_position(spec: SymbolSpec, position: Position, quote: Quote) -> Refusal:
    """Within the freeze level of its own stops a position can be neither changed nor closed."""
    price = exit_price(quote, position.side)
    return _frozen(spec, price, position.stop_loss) or _frozen(spec, price, position.take_profit)


def frozen_order(spec: SymbolSpec, order: PendingOrder, quote: Quote) -> Refusal:
    """Within the freeze level of its own price a pending order can be neither changed nor cancelled."""
    return _frozen(spec, entry_price(quote, order.side), order.price)


def money_refusal(account: Account, spec: SymbolSpec, volume: Decimal, price: Decimal) -> Refusal:
    """Margin for this much more exposure; what reduces exposure (volume 0) needs none."""
    if not volume:
        return None
    if known_rate(account, spec.profit_currency, gain=False) is None:
        return Retcode.PRICE_OFF
    if margin_of(account, spec, volume, price) > free_margin(account):
        return Retcode.NO_MONEY
    return None


def _frozen(spec: SymbolSpec, price: Decimal, level: Decimal | None) -> Refusal:
    if level is None or not spec.freeze_level:
        return None
    return Retcode.FROZEN if abs(price - level) <= spec.freeze_level * spec.point else None
