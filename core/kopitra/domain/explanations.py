"""A sized or skipped volume as one line that its owner can check with a pocket calculator."""

from decimal import ROUND_HALF_EVEN, Context, Decimal

from kopitra.domain.arithmetic import Arithmetic, BalanceShare

_SHOWN = Context(prec=12, rounding=ROUND_HALF_EVEN)
"""Enough digits to see on which side of a lot step a volume fell; the decision itself used all of them."""


def explained(arithmetic: Arithmetic) -> str:
    """For example `0.50 lots * 1000 EUR / 9000 USD * 1.08 USD/EUR (EURUSD.m) = 0.06 lots; at most 100, …`."""
    numerator, denominator = arithmetic.fraction()
    factors = [f"{plain(arithmetic.start)} lots"]
    if arithmetic.balances is not None:
        factors += _balances(arithmetic.balances)
    if arithmetic.contracts is not None:
        leader, follower = arithmetic.contracts
        factors.append(f"{plain(leader)} / {plain(follower)} (contract sizes)")
    factors.append(plain(arithmetic.multiplier))
    limits = (
        f"at most {plain(arithmetic.maximum)}, "
        f"in steps of {plain(arithmetic.step)}, at least {plain(arithmetic.minimum)}"
    )
    return f"{' * '.join(factors)} = {plain(_SHOWN.divide(numerator, denominator))} lots; {limits}"


def plain(value: Decimal) -> str:
    """Without an exponent: "1E+2" → "100"."""
    return f"{value:f}"


def _balances(share: BalanceShare) -> list[str]:
    mine, theirs = share.follower, share.leader_currency
    factors = [f"{plain(mine.amount)} {mine.currency} / {plain(share.leader)} {theirs}"]
    if share.rate is not None:
        price = plain(_SHOWN.divide(share.rate.numerator, share.rate.denominator))
        factors.append(f"{price} {theirs}/{mine.currency} ({' '.join(share.rate.path)})")
    return factors
