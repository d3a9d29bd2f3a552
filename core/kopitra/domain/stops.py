"""Where a follower's stop loss and take profit go: on its broker's price grid and outside its stops level."""

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from enum import StrEnum

import msgspec

from kopitra.domain.orders import Side
from kopitra.domain.reversal import copied_stops
from kopitra.domain.rules import CloseStops, CopyRules
from kopitra.domain.skips import Skip, SkipReason
from kopitra.domain.symbols import SymbolSpec


class StopNote(StrEnum):
    STOP_LOSS_WIDENED = "stop_loss_widened"
    TAKE_PROFIT_WIDENED = "take_profit_widened"


class Stops(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """Prices in the profit currency with the symbol's digits; None: no such stop."""

    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    notes: tuple[StopNote, ...] = ()


def place_stops(
    rules: CopyRules,
    side: Side,
    stop_loss: Decimal | None,
    take_profit: Decimal | None,
    spec: SymbolSpec,
    reference: Decimal | None,
) -> Stops | Skip:
    """The follower's stops, from the leader's.

    `side` is the follower's. `reference` is the price that the broker measures the stops level from: the bid for a buy,
    the ask for a sell, the order's own price for a pending order; None where no quote is known: the level is then left
    to the broker. Zero means no stop, as in MetaTrader.
    """
    loss, profit = copied_stops(stop_loss, take_profit, rules.reverse)
    loss = rounded_price(loss, spec) if rules.copy_stop_loss and loss else None
    profit = rounded_price(profit, spec) if rules.copy_take_profit and profit else None
    if reference is None or spec.stops_level <= 0:
        return Stops(loss, profit)
    below, above = _nearest_allowed(spec, reference)
    if side is Side.BUY:
        new_loss, new_profit = _at_most(loss, below), _at_least(profit, above)
    else:
        new_loss, new_profit = _at_least(loss, above), _at_most(profit, below)
    notes: tuple[StopNote, ...] = ()
    if new_loss != loss:
        notes += (StopNote.STOP_LOSS_WIDENED,)
    if new_profit != profit:
        notes += (StopNote.TAKE_PROFIT_WIDENED,)
    if notes and rules.close_stops is CloseStops.SKIP:
        return Skip(
            SkipReason.STOPS_TOO_CLOSE,
            f"stop loss {loss}, take profit {profit}: {spec.symbol} wants {spec.stops_level} points from {reference}",
        )
    return Stops(new_loss, new_profit, notes)


def rounded_price(price: Decimal, spec: SymbolSpec) -> Decimal:
    """To the symbol's digits, half away from zero, as MetaTrader's NormalizeDouble does."""
    return price.quantize(spec.point, rounding=ROUND_HALF_UP)


def _nearest_allowed(spec: SymbolSpec, reference: Decimal) -> tuple[Decimal, Decimal]:
    distance = spec.stops_level * spec.point
    below = (reference - distance).quantize(spec.point, rounding=ROUND_FLOOR)
    above = (reference + distance).quantize(spec.point, rounding=ROUND_CEILING)
    return max(below, spec.point), above


def _at_most(price: Decimal | None, limit: Decimal) -> Decimal | None:
    return price if price is None or price <= limit else limit


def _at_least(price: Decimal | None, limit: Decimal) -> Decimal | None:
    return price if price is None or price >= limit else limit
