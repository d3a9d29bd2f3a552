"""Where a follower's stop loss and take profit go: on its broker's price grid and outside its stops level."""

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal
from enum import StrEnum

import msgspec

from kopitra.domain.orders import Side
from kopitra.domain.quantities import ZERO
from kopitra.domain.reversal import copied_stops
from kopitra.domain.rules import CloseStops, CopyRules
from kopitra.domain.skips import Skip, SkipReason
from kopitra.domain.symbols import SymbolSpec

_PRICES = Context(prec=60)
"""More digits than any price on the wire has, so that only `digits` rounds."""


class StopNote(StrEnum):
    STOP_LOSS_WIDENED = "stop_loss_widened"
    TAKE_PROFIT_WIDENED = "take_profit_widened"


class Stops(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """Prices in the profit currency; None (and zero, as in MetaTrader): no such stop."""

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
    """The follower's stops, from the leader's `stop_loss` and `take_profit`.

    `side` is the follower's. `reference` is what the broker measures the stops level from: the bid for a buy, the
    ask for a sell, a pending order's own price; None where no quote is known, which leaves the level to the broker.
    A stop that is too close, or already on the wrong side of the price, is widened or the order is skipped; it is
    always skipped where widening would put a stop at or below zero.
    """
    loss, profit = copied_stops(stop_loss, take_profit, rules.reverse)
    asked = Stops(
        rounded_price(loss, spec) if rules.copy_stop_loss and loss else None,
        rounded_price(profit, spec) if rules.copy_take_profit and profit else None,
    )
    if reference is None or spec.stops_level <= 0:
        return asked
    placed = _widened(asked, side, spec, reference)
    if (placed.notes and rules.close_stops is CloseStops.SKIP) or _impossible(placed):
        return Skip(SkipReason.STOPS_TOO_CLOSE, _too_close(asked, spec, reference))
    return placed


def rounded_price(price: Decimal, spec: SymbolSpec) -> Decimal:
    """To the symbol's digits, half away from zero, as MetaTrader's NormalizeDouble does."""
    return price.quantize(spec.point, ROUND_HALF_UP, _PRICES)


def _widened(asked: Stops, side: Side, spec: SymbolSpec, reference: Decimal) -> Stops:
    distance = spec.stops_level * spec.point
    below = (reference - distance).quantize(spec.point, ROUND_FLOOR, _PRICES)
    above = (reference + distance).quantize(spec.point, ROUND_CEILING, _PRICES)
    if side is Side.BUY:
        loss, profit = _at_most(asked.stop_loss, below), _at_least(asked.take_profit, above)
    else:
        loss, profit = _at_least(asked.stop_loss, above), _at_most(asked.take_profit, below)
    notes: tuple[StopNote, ...] = ()
    if loss != asked.stop_loss:
        notes += (StopNote.STOP_LOSS_WIDENED,)
    if profit != asked.take_profit:
        notes += (StopNote.TAKE_PROFIT_WIDENED,)
    return Stops(loss, profit, notes)


def _impossible(placed: Stops) -> bool:
    return any(price is not None and price <= ZERO for price in (placed.stop_loss, placed.take_profit))


def _at_most(price: Decimal | None, limit: Decimal) -> Decimal | None:
    return price if price is None or price <= limit else limit


def _at_least(price: Decimal | None, limit: Decimal) -> Decimal | None:
    return price if price is None or price >= limit else limit


def _too_close(asked: Stops, spec: SymbolSpec, reference: Decimal) -> str:
    return (
        f"stop loss {asked.stop_loss}, take profit {asked.take_profit}: "
        f"{spec.symbol} wants {spec.stops_level} points from {reference}"
    )
