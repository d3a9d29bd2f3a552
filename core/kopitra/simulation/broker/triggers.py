"""What fires by itself when prices come: stop losses, take profits, pending orders, the stop-out.

Everything is dealt at the quote that fired it, as MetaTrader does: over a gap a stop fills worse than its level, a take
profit and a limit better.
"""

from collections.abc import Iterable
from decimal import Decimal

from kopitra.domain.orders import DealReason, OrderType, Side
from kopitra.domain.quotes import Quote
from kopitra.simulation.broker import dealing, money, pending_orders
from kopitra.simulation.broker.account import Account
from kopitra.simulation.broker.dealing import Closing
from kopitra.simulation.broker.market import entry_price, exit_price, is_open
from kopitra.simulation.broker.records import PendingOrder, Position


def fire(account: Account, symbols: Iterable[str]) -> None:
    """Stops first, then pending orders, symbol by symbol in the order given; at the end the stop-out."""
    state = account.state
    if not state.profile.triggers:
        return
    for symbol in symbols:
        quote = state.quotes.get(symbol)
        if quote is None or not is_open(state, symbol, state.clock):
            continue
        for position in account.positions_of(symbol):
            reason = _stop_hit(position, exit_price(quote, position.side))
            if reason is not None:
                _close_at(account, position, quote, reason)
        for order in account.orders_of(symbol):
            if _is_reached(order, quote):
                pending_orders.fill(account, order, entry_price(quote, order.side))
    _stop_out(account)


def _stop_hit(position: Position, price: Decimal) -> DealReason | None:
    sign = 1 if position.side is Side.BUY else -1
    if position.stop_loss is not None and (price - position.stop_loss) * sign <= 0:
        return DealReason.STOP_LOSS
    if position.take_profit is not None and (price - position.take_profit) * sign >= 0:
        return DealReason.TAKE_PROFIT
    return None


def _is_reached(order: PendingOrder, quote: Quote) -> bool:
    price = entry_price(quote, order.side)
    if (order.side is Side.BUY) == (order.order_type is OrderType.LIMIT):
        return price <= order.price
    return price >= order.price


def _close_at(account: Account, position: Position, quote: Quote, reason: DealReason) -> None:
    closing = Closing(
        volume=position.volume,
        price=exit_price(quote, position.side),
        reason=reason,
        magic=position.magic,
        comment=account.state.profile.comments.of_stop(position.comment, reason),
    )
    dealing.close(account, position, closing)


def _stop_out(account: Account) -> None:
    """Close the worst position, again and again, until the margin level is above the broker's."""
    level = account.state.profile.stop_out_percent
    if level is None:
        return
    while account.exposure:
        margin = money.margin_used(account)
        if money.equity(account) * money.PERCENT >= level * margin:
            return
        worst = _worst(account)
        if worst is None:
            return
        _close_at(account, worst, account.state.quotes[worst.symbol], DealReason.STOP_OUT)


def _worst(account: Account) -> Position | None:
    """The open position that loses most, among those whose market trades; the oldest of equals."""
    state = account.state
    tradable = [
        position
        for position in state.positions.values()
        if position.symbol in state.quotes and is_open(state, position.symbol, state.clock)
    ]
    return min(tradable, key=lambda position: _floating(account, position), default=None)


def _floating(account: Account, position: Position) -> Decimal:
    price = exit_price(account.state.quotes[position.symbol], position.side)
    return money.realised(
        account, position.symbol, position.side, position.volume, position.open_price, price
    )
