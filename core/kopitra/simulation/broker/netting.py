"""A netting account's one position per symbol: what adding to it and reversing it make of it."""

from decimal import ROUND_HALF_EVEN

import msgspec

from kopitra.domain.quantities import ZERO
from kopitra.simulation.broker.account import Account
from kopitra.simulation.broker.fills import Fill
from kopitra.simulation.broker.records import Position

AVERAGE_PRICE_EXTRA_DIGITS = 5
"""An average price is kept five digits finer than quotes: below a cent on 1,000 lots of a currency pair."""


def increased(account: Account, held: Position, fill: Fill) -> Position:
    """More of the same side: volume-weighted price; stops that the new order names replace the old."""
    volume = held.volume + fill.volume
    average = (held.open_price * held.volume + fill.price * fill.volume) / volume
    unit = account.state.symbols[held.symbol].point.scaleb(-AVERAGE_PRICE_EXTRA_DIGITS)
    return msgspec.structs.replace(
        held,
        volume=volume,
        open_price=average.quantize(unit, rounding=ROUND_HALF_EVEN),
        stop_loss=held.stop_loss if fill.stop_loss is None else fill.stop_loss,
        take_profit=held.take_profit if fill.take_profit is None else fill.take_profit,
    )


def reversed_position(account: Account, held: Position, fill: Fill) -> Position:
    """The other side with what exceeds the old volume; only the new order's stops count."""
    return msgspec.structs.replace(
        held,
        ticket=fill.order_ticket,
        side=fill.side,
        volume=fill.volume - held.volume,
        open_price=fill.price,
        opened_at=account.state.clock,
        stop_loss=fill.stop_loss,
        take_profit=fill.take_profit,
        magic=fill.magic,
        comment=account.state.profile.comments.stored(fill.comment),
        swap=ZERO,
    )
