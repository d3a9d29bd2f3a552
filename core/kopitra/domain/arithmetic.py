"""The factors of one sized volume, as a decision record keeps them, and the exact fraction that they make."""

from datetime import datetime
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
    """The follower's balance as a part of the leader's; in equity_ratio and free_margin_ratio that figure of both.
    `rate` leads from the follower's currency to the leader's; None where they are the same."""

    follower: Balance
    leader: Decimal
    leader_currency: str
    rate: Rate | None = None


class Worth(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What one lot of the follower gains when the price moves by one: `contract` units of the profit currency, which
    `rate` leads to the account's; or, where no rate does, `tick_value` (account currency) for each `point`."""

    contract: Decimal
    profit_currency: str
    rate: Rate | None = None
    tick_value: Decimal | None = None
    point: Decimal = ONE

    def fraction(self) -> tuple[Decimal, Decimal]:
        """In the account's currency, exactly."""
        if self.tick_value is not None:
            return self.tick_value, self.point
        if self.rate is None:
            return self.contract, ONE
        return _times(self.contract, self.rate.numerator), self.rate.denominator


class Budget(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`part` of the follower's `figure` (named by `basis`), and what one lot takes of it: from `price` to `stop` in
    fixed_risk, the whole `price` in fixed_leverage."""

    figure: Balance
    basis: str
    part: Decimal
    worth: Worth
    price: Decimal
    stop: Decimal | None = None

    @property
    def distance(self) -> Decimal:
        """In price units, above zero."""
        return self.price if self.stop is None else EXACT.abs(EXACT.subtract(self.price, self.stop))

    def fraction(self) -> tuple[Decimal, Decimal]:
        """In lots of the follower."""
        worth, per = self.worth.fraction()
        numerator = _times(_times(self.figure.amount, self.part), per)
        return numerator, _times(self.distance, worth)


class Input(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A named input of an expression, as it was calculated with. `at`: when a reading of the follower was received."""

    name: str
    value: Decimal
    at: datetime | None = None


class Formula(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An expression and its inputs; `rate` leads from the follower's currency to the leader's, where it was used."""

    expression: str
    inputs: tuple[Input, ...]
    rate: Rate | None = None
    worth: Worth | None = None


class Arithmetic(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a volume was made of; `fraction` multiplies it out, then the limits and the lot step apply.

    Volumes in lots. `start`: the leader's volume, a fixed one, an expression's result, or one, which a `budget`
    multiplies. `contracts`: units of base per lot at leader and follower; None where they do not matter.
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
    budget: Budget | None = None
    formula: Formula | None = None

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
        if self.budget is not None:
            of_budget, lot = self.budget.fraction()
            numerator, denominator = _times(numerator, of_budget), _times(denominator, lot)
        return numerator, denominator


def floored(numerator: Decimal, denominator: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of step that is not above numerator / denominator (none of them negative), exactly."""
    return _times(_whole(numerator, _times(denominator, step)), step)


def least_volume(minimum: Decimal, step: Decimal) -> Decimal:
    """The smallest positive multiple of step that is not below minimum."""
    volume = floored(minimum, ONE, step)
    return volume if volume >= minimum and volume > ZERO else volume + step
