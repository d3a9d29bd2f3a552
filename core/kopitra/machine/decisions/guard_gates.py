"""What open positions, lots, money and orders come to, for guards that look at each open before it is planned."""

from collections.abc import Collection
from datetime import timedelta
from decimal import Decimal

import msgspec

from kopitra.domain.guards import Guard, GuardKind, GuardUnit
from kopitra.domain.identifiers import AccountId, CopyId
from kopitra.domain.orders import Side
from kopitra.domain.quantities import ONE, ZERO
from kopitra.domain.rates import Rate, find_rate
from kopitra.domain.readings import EQUITY_MAX_AGE
from kopitra.domain.sizing_inputs import RateReading, worth_of
from kopitra.domain.skips import Skip
from kopitra.domain.symbol_names import names_its_pair
from kopitra.domain.symbols import SymbolSpec
from kopitra.domain.trading import Order
from kopitra.machine.decisions.guard_values import Unknown, exchanged
from kopitra.machine.guards_in_force import Placed, covers
from kopitra.machine.outcome import Context
from kopitra.machine.state import Account, Copy, State

QUOTE_MAX_AGE = EQUITY_MAX_AGE
"""What is valued by an older quote is valued by its leader's price, as what has no quote."""


class Line(msgspec.Struct, frozen=True, gc=False):
    """One copy that is open or on its way; lots of the follower's."""

    account: AccountId
    leader: AccountId | None
    spec: SymbolSpec
    side: Side
    volume: Decimal
    price: Decimal | None = None
    """The leader's, or the order's own."""


class Totals(msgspec.Struct):
    """What a gate counts, in its own measure: over all, and by symbol and side."""

    sided: bool = False
    """Whether sides matter: only exposure asks for them."""
    over_all: Decimal = ZERO
    by_side: dict[tuple[str, Side], Decimal] = {}
    unknown: Unknown | None = None

    def add(self, line: Line, amount: Decimal | Unknown) -> None:
        if isinstance(amount, Unknown):
            self.unknown = self.unknown or amount
            return
        self.over_all += amount
        if not self.sided:
            return
        key = (underlying(line.spec), line.side)
        self.by_side[key] = self.by_side.get(key, ZERO) + amount

    def heavier(self, line: Line, amount: Decimal) -> Decimal:
        """The heavier side of the line's symbol, once it is added: the largest net position that could be left."""
        name = underlying(line.spec)
        same = self.by_side.get((name, line.side), ZERO) + amount
        return max(same, self.by_side.get((name, line.side.opposite), ZERO))


def line_of(state: State, copy: Copy) -> Line:
    spec = state.accounts[copy.follower].spec_of(copy.symbol)
    volume = copy.live_volume if copy.filled else copy.planned_volume
    price = copy.price or copy.reference_price
    return Line(copy.follower, copy.leader, spec, copy.side, volume, price)


def line_of_order(account: AccountId, leader: AccountId | None, order: Order, spec: SymbolSpec) -> Line:
    return Line(account, leader, spec, order.side, order.volume, order.price or order.reference_price)


def underlying(spec: SymbolSpec) -> str:
    """What two brokers' symbols have in common: a currency pair whatever its suffix; else the name."""
    return spec.base_currency + spec.profit_currency if names_its_pair(spec) else spec.symbol


def totals_of(
    state: State,
    placed: Placed,
    accounts: list[AccountId],
    currency: str | None,
    context: Context,
    without: Collection[CopyId] = (),
) -> Totals:
    """What these accounts hold and are about to hold, `without` some copies. `currency`: of sums; None: each account's
    own."""
    guard = placed.guard
    totals = Totals(sided=guard.kind is GuardKind.SYMBOL_EXPOSURE)
    for name in accounts:
        account = state.accounts[name]
        if guard.kind is GuardKind.ORDER_RATE:
            totals.over_all += _lately(account, guard, context)
            continue
        for copy in account.following.copies.values():
            if copy.live and copy.copy_id not in without and covers(state, placed.scope, placed.target, copy):
                line = line_of(state, copy)
                totals.add(line, amount_of(guard, line, currency, context))
    return totals


def amount_of(guard: Guard, line: Line, currency: str | None, context: Context) -> Decimal | Unknown:
    """What one copy adds to the guard's measure."""
    if guard.kind is GuardKind.SYMBOL_EXPOSURE and guard.unit is GuardUnit.LOTS:
        return line.volume
    if guard.kind in (GuardKind.SYMBOL_EXPOSURE, GuardKind.LEVERAGE):
        return notional(line, currency, context)
    return ONE


def notional(line: Line, currency: str | None, context: Context) -> Decimal | Unknown:
    """What the position is worth at its broker's price, else at its leader's."""
    price = price_of(line, context)
    if price is None:
        return Unknown(f"no price of {line.spec.symbol} is known")
    return money_of(line, price, currency, context)


def risk(line: Line, stop_loss: Decimal, currency: str | None, context: Context) -> Decimal | Unknown:
    """What is lost between the price and the stop."""
    price = price_of(line, context)
    if price is None:
        return Unknown(f"no price of {line.spec.symbol} is known")
    distance = price - stop_loss if line.side is Side.BUY else stop_loss - price
    return money_of(line, max(ZERO, distance), currency, context)


def price_of(line: Line, context: Context) -> Decimal | None:
    quote = context.readings.quotes.get(line.account, {}).get(line.spec.symbol)
    if quote is None or quote.at is None or context.now - quote.at > QUOTE_MAX_AGE:
        return line.price
    return quote.ask if line.side is Side.BUY else quote.bid


def money_of(line: Line, price: Decimal, currency: str | None, context: Context) -> Decimal | Unknown:
    """So many price units of the line's lots, in the account's currency, or in the given one."""
    figures = context.readings.figures.get(line.account)
    if figures is None:
        return Unknown(f"{line.account} has not reported its figures yet")
    worth = worth_of(line.spec, figures.currency, _profit_rate(line, figures.currency, context))
    if isinstance(worth, Skip):
        return Unknown(worth.detail)
    numerator, denominator = worth.fraction()
    money = price * line.volume * numerator / denominator
    if currency is None:
        return money
    return exchanged(money, figures.currency, currency, line.account, context)


def _profit_rate(line: Line, currency: str, context: Context) -> RateReading:
    """By the follower's quotes, else by the leader's."""
    rate: RateReading = None
    for account in (line.account, line.leader):
        if account is None:
            break
        table = context.readings.rates.get(account, {})
        rate = find_rate(line.spec.profit_currency, currency, table, context.now)
        if isinstance(rate, Rate):
            break
    return rate


def _lately(account: Account, guard: Guard, context: Context) -> int:
    window = timedelta(seconds=guard.window_seconds or 0)
    return sum(1 for at in account.following.opens if context.now - at < window)
