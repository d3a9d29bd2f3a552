"""A sized or skipped volume as one line that its owner can check with a pocket calculator."""

from decimal import ROUND_HALF_EVEN, Context, Decimal

from kopitra.domain.arithmetic import Arithmetic, BalanceShare, Budget, Formula, Worth
from kopitra.domain.rates import Rate

_SHOWN = Context(prec=12, rounding=ROUND_HALF_EVEN)
"""Enough digits to see on which side of a lot step a volume fell; the decision itself used all of them."""
_FIGURES = {"equity_ratio": " equity", "free_margin_ratio": " free margin"}
"""What a ratio compares, where it is not the balance."""


def explained(arithmetic: Arithmetic) -> str:
    """For example `0.50 lots * 1000 EUR / 9000 USD * 1.08 USD/EUR (EURUSD.m) = 0.06 lots; at most 100, …`."""
    numerator, denominator = arithmetic.fraction()
    factors = _start(arithmetic)
    if arithmetic.balances is not None:
        factors += _shares(arithmetic.balances, _FIGURES.get(arithmetic.mode, ""))
    if arithmetic.contracts is not None:
        leader, follower = arithmetic.contracts
        factors.append(f"{plain(leader)} / {plain(follower)} (contract sizes)")
    factors.append(plain(arithmetic.multiplier))
    limits = (
        f"at most {plain(arithmetic.maximum)}, "
        f"in steps of {plain(arithmetic.step)}, at least {plain(arithmetic.minimum)}"
    )
    told = f"{' * '.join(factors)} = {plain(_SHOWN.divide(numerator, denominator))} lots; {limits}"
    return told if arithmetic.formula is None else f"{told}; {_formula(arithmetic.formula)}"


def plain(value: Decimal) -> str:
    """Without an exponent: "1E+2" → "100"."""
    return f"{value:f}"


def _start(arithmetic: Arithmetic) -> list[str]:
    if arithmetic.budget is not None:
        return [_budget(arithmetic.budget)]
    return [f"{plain(arithmetic.start)} lots"]


def _shares(share: BalanceShare, figure: str) -> list[str]:
    mine, theirs = share.follower, share.leader_currency
    factors = [f"{plain(mine.amount)} {mine.currency}{figure} / {plain(share.leader)} {theirs}{figure}"]
    return factors if share.rate is None else [*factors, _rate(share.rate)]


def _budget(budget: Budget) -> str:
    """Money over what one lot takes of it."""
    figure = budget.figure
    money = (
        f"{plain(budget.part)} * {plain(figure.amount)} {figure.currency} {budget.basis.replace('_', ' ')}"
    )
    way = plain(budget.price)
    if budget.stop is not None:
        way = f"{plain(budget.distance)} from {way} to the stop loss at {plain(budget.stop)}"
    return f"{money} / ({way} * {_worth(budget.worth, figure.currency)})"


def _worth(worth: Worth, currency: str) -> str:
    if worth.tick_value is not None:
        return f"{plain(worth.tick_value)} {currency} / {plain(worth.point)} (tick value)"
    contract = f"{plain(worth.contract)} {worth.profit_currency}"
    return contract if worth.rate is None else f"{contract} * {_rate(worth.rate)}"


def _rate(rate: Rate) -> str:
    price = plain(_SHOWN.divide(rate.numerator, rate.denominator))
    return f"{price} {rate.target}/{rate.source} ({' '.join(rate.path)})"


def _formula(formula: Formula) -> str:
    told = [f"{each.name} {plain(_SHOWN.plus(each.value))}" for each in formula.inputs]
    if formula.rate is not None:
        told.append(f"the leader's money at {_rate(formula.rate)}")
    if formula.worth is not None:
        told.append(f"value per price unit from {_worth(formula.worth, 'account currency')}")
    inputs = f" with {', '.join(told)}" if told else ""
    return f"from {formula.expression}{inputs}"
