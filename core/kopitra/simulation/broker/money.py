"""Profit, margin and equity in the account's currency.

An amount is converted at the quotes at hand, on the side that the account would have to trade: a gain is sold at the
bid, a loss bought at the ask. The way, in this order: same currency; a pair of the two; two pairs over USD or EUR; the
profile's `fallback_rates`; and 1, so that booking never fails. Opening is refused where only the last would do, except
for a replayed history.
"""

from decimal import ROUND_HALF_UP, Decimal

from kopitra.domain.orders import Side
from kopitra.domain.quantities import ZERO
from kopitra.domain.symbols import SymbolSpec
from kopitra.simulation.broker.account import Account

ONE = Decimal(1)
PERCENT = 100
CROSS_CURRENCIES = ("USD", "EUR")


def rounded(account: Account, amount: Decimal) -> Decimal:
    """To the smallest unit that the account is kept in."""
    unit = ONE.scaleb(-account.state.terms.money_digits)
    return amount.quantize(unit, rounding=ROUND_HALF_UP) + ZERO


def known_rate(account: Account, currency: str, gain: bool) -> Decimal | None:
    """Units of the account's currency for one of `currency`; None where neither quotes nor the profile tell."""
    home = account.state.terms.currency
    direct = _pair_rate(account, currency, home, gain)
    if direct is not None:
        return direct
    for cross in CROSS_CURRENCIES:
        first = _pair_rate(account, currency, cross, gain)
        second = _pair_rate(account, cross, home, gain)
        if first is not None and second is not None:
            return first * second
    return account.state.profile.fallback_rates.get(currency)


def to_account(account: Account, amount: Decimal, currency: str) -> Decimal:
    """Unrounded, in the account's currency."""
    if currency == account.state.terms.currency:
        return amount
    rate = known_rate(account, currency, gain=amount > 0)
    return amount if rate is None else amount * rate


def realised(
    account: Account, symbol: str, side: Side, volume: Decimal, opened: Decimal, closed: Decimal
) -> Decimal:
    """Profit of closing `volume` lots of a position of this side, rounded."""
    spec = account.state.symbols[symbol]
    moved = closed - opened if side is Side.BUY else opened - closed
    return rounded(account, to_account(account, moved * volume * spec.contract_size, spec.profit_currency))


def commission(account: Account, volume: Decimal) -> Decimal:
    """What one deal costs: zero or negative."""
    return rounded(account, -account.state.profile.commission_per_lot * volume)


def margin_of(account: Account, spec: SymbolSpec, volume: Decimal, price: Decimal) -> Decimal:
    """volume × contract size × price ÷ leverage, converted."""
    value = volume * spec.contract_size * price / account.state.terms.leverage
    return -to_account(account, -value, spec.profit_currency)


def margin_used(account: Account) -> Decimal:
    """Of all positions at their opening prices; both legs of a hedge count in full."""
    used = ZERO
    for symbol, exposure in sorted(account.exposure.items()):
        spec = account.state.symbols[symbol]
        used += margin_of(account, spec, ONE, exposure.buy_cost + exposure.sell_cost)
    return rounded(account, used)


def equity(account: Account) -> Decimal:
    state = account.state
    total = state.balance + state.credit
    for symbol, exposure in sorted(account.exposure.items()):
        total += exposure.swap
        quote = state.quotes.get(symbol)
        if quote is not None:
            spec = state.symbols[symbol]
            value = exposure.floating(quote) * spec.contract_size
            total += to_account(account, value, spec.profit_currency)
    return rounded(account, total)


def free_margin(account: Account) -> Decimal:
    return equity(account) - margin_used(account)


def _pair_rate(account: Account, source: str, target: str, gain: bool) -> Decimal | None:
    if source == target:
        return ONE
    quotes = account.state.quotes
    direct = quotes.get(account.pairs.get((source, target), ""))
    if direct is not None:
        return direct.bid if gain else direct.ask
    inverse = quotes.get(account.pairs.get((target, source), ""))
    if inverse is not None and inverse.bid > 0:
        return ONE / (inverse.ask if gain else inverse.bid)
    return None
