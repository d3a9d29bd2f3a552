"""The factors of one sized volume, as a decision record keeps them, and the exact fraction that they make."""

from datetime import datetime
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, Inexact, InvalidOperation, Overflow

import msgspec

EXACT_DIGITS = 400
"""Ten factors of forty digits each (the wire allows eighteen) multiply without rounding; more is refused, not rounded."""

EXACT = Context(prec=EXACT_DIGITS, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[Inexact, Overflow, InvalidOperation])
"""Multiplies exactly or raises. Its `divide_int` gives the exact whole part of a quotient."""

_times = EXACT.multiply


class Arithmetic(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """volume = start × multiplier × leader_contract ÷ follower_contract × follower_balance × rate ÷ leader_balance,
    then at most `maximum`, down to a multiple of `step`, not below `minimum`. A factor that was not used is None.

    Volumes in lots, contract sizes in units of the base; `follower_balance` in the follower's currency,
    `leader_balance` in the leader's; rate_numerator ÷ rate_denominator is the leader's currency per unit of the
    follower's. Encodes as an array, because one is kept for every follower of every open.
    """

    mode: str
    start: Decimal
    multiplier: Decimal
    minimum: Decimal
    maximum: Decimal
    step: Decimal
    leader_contract: Decimal | None = None
    follower_contract: Decimal | None = None
    follower_balance: Decimal | None = None
    leader_balance: Decimal | None = None
    balance_at: datetime | None = None
    rate_numerator: Decimal | None = None
    rate_denominator: Decimal | None = None
    rate_path: tuple[str, ...] = ()
    rate_at: datetime | None = None

    def fraction(self) -> tuple[Decimal, Decimal]:
        """The volume before limits and lot step, as an exact numerator and denominator (above zero)."""
        numerator, denominator = _times(self.start, self.multiplier), self.follower_contract
        if denominator is None or self.leader_contract is None:
            denominator = ONE
        else:
            numerator = _times(numerator, self.leader_contract)
        if self.follower_balance is not None and self.leader_balance is not None:
            numerator = _times(numerator, self.follower_balance)
            denominator = _times(denominator, self.leader_balance)
        if self.rate_numerator is not None and self.rate_denominator is not None:
            numerator = _times(numerator, self.rate_numerator)
            denominator = _times(denominator, self.rate_denominator)
        return numerator, denominator


ONE = Decimal(1)
