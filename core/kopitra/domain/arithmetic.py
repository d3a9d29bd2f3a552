"""The factors of one sized volume, as a decision record keeps them, and the exact fraction that they make."""

from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow

import msgspec

from kopitra.domain.quantities import ONE, ZERO
from kopitra.domain.rates import Rate
from kopitra.domain.readings import Balance

EXACT_DIGITS = 400
"""Ten factors of forty digits each (the wire allows eighteen) multiply exactly; what is longer is refused."""

EXACT = Context(
    prec=EXACT_DIGITS,
    Emax=MAX_EMAX,
    Emin=MIN_EMIN,
    traps=[Inexact, Overflow, InvalidOperation, DivisionByZero],
)
"""Multiplies exactly or raises. Its `divide_int` gives the exact whole part of a quotient."""

_times = EXACT.multiply
_whole = EXACT.divide_int


class BalanceShare(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The follower's balance as a part of the leader's. `rate` leads from the follower's currency to the leader's;
    None where they are the same."""

    follower: Balance
    leader: Decimal
    leader_currency: str
    rate: Rate | None = None


class Arithmetic(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a volume was made of; `fraction` multiplies it out, then the limits and the lot step apply.

    Volumes in lots. `contracts`: units of base per lot at leader and follower; None where the rules ignore them.
    Encodes as an array, because one is kept for every follower of every open.
    """

    mode: str
    start: Decimal
    multiplier: Decimal
    minimum: Decimal
    maximum: Decimal
    step: Decimal
    contracts: tuple[Decimal, Decimal] | None = None
    balances: BalanceShare | None = None

    def fraction(self) -> tuple[Decimal, Decimal]:
        """The volume before limits and lot step, as an exact numerator and denominator (above zero)."""
        numerator, denominator = _times(self.start, self.multiplier), ONE
        if self.contracts is not None:
            leader_contract, denominator = self.contracts
            numerator = _times(numerator, leader_contract)
        share = self.balances
        if share is not None:
            numerator = _times(numerator, share.follower.amount)
            denominator = _times(denominator, share.leader)
            if share.rate is not None:
                numerator = _times(numerator, share.rate.numerator)
                denominator = _times(denominator, share.rate.denominator)
        return numerator, denominator


def floored(numerator: Decimal, denominator: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of step that is not above numerator / denominator (none of them negative), exactly."""
    return _times(_whole(numerator, _times(denominator, step)), step)


def least_volume(minimum: Decimal, step: Decimal) -> Decimal:
    """The smallest positive multiple of step that is not below minimum."""
    volume = floored(minimum, ONE, step)
    return volume if volume >= minimum and volume > ZERO else volume + step
