"""The figures that an expression asks for by name, and what it makes of them."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

import msgspec

from kopitra.domain.arithmetic import Formula, Input, Worth
from kopitra.domain.expressions import CALCULATION, Mistake, parse
from kopitra.domain.quantities import ZERO
from kopitra.domain.rates import Rate
from kopitra.domain.rules import CopyRules
from kopitra.domain.sizing_inputs import (
    Entry,
    Figure,
    FollowerAccount,
    LeaderTrade,
    RateReading,
    SizeNote,
    entry_price,
    follower_figure,
    leader_figure,
    stale_note,
    stop_of,
    usable_rate,
    worth_of,
)
from kopitra.domain.skips import Skip, SkipReason

_LEADERS = {
    "leader_balance": Figure.BALANCE,
    "leader_equity": Figure.EQUITY,
    "leader_free_margin": Figure.FREE_MARGIN,
}
_FOLLOWERS = {
    "balance": Figure.BALANCE,
    "equity": Figure.EQUITY,
    "free_margin": Figure.FREE_MARGIN,
}


class Applied(msgspec.Struct, frozen=True, gc=False):
    value: Decimal
    formula: Formula
    notes: tuple[SizeNote, ...] = ()


def mentions_leaders_money(names: Iterable[str]) -> bool:
    return any(name in _LEADERS for name in names)


def applied(
    rules: CopyRules,
    text: str,
    leader: LeaderTrade,
    follower: FollowerAccount,
    rate: RateReading,
    entry: Entry,
    now: datetime,
) -> Applied | Skip:
    """The expression's value, or the reason for none: it is wrong, an input that it names is missing, or the figures
    allow no result."""
    expression = parse(text)
    if isinstance(expression, Mistake):
        return Skip(SkipReason.EXPRESSION_FAILED, str(expression))
    gathering = _Gathering(rules, leader, follower, rate, entry, now)
    inputs: list[Input] = []
    for name in expression.names:
        found = gathering.input(name)
        if isinstance(found, Skip):
            return found
        if not found.value.is_finite():
            return Skip(SkipReason.FIGURES_OUT_OF_RANGE, f"{name} is {found.value}")
        inputs.append(found)
    value = expression.value({each.name: each.value for each in inputs})
    if value is None:
        told = ", ".join(f"{each.name} {each.value:f}" for each in inputs)
        return Skip(SkipReason.EXPRESSION_FAILED, f"cannot be calculated with {told or 'these numbers'}")
    formula = Formula(text, tuple(inputs), gathering.used_rate, gathering.worth)
    return Applied(value, formula, tuple(gathering.notes))


class _Gathering:
    """Looks up one input after another, and remembers what they rest on."""

    def __init__(
        self,
        rules: CopyRules,
        leader: LeaderTrade,
        follower: FollowerAccount,
        rate: RateReading,
        entry: Entry,
        now: datetime,
    ) -> None:
        self._rules = rules
        self._leader = leader
        self._follower = follower
        self._rate = rate
        self._entry = entry
        self._now = now
        self.used_rate: Rate | None = None
        self.worth: Worth | None = None
        self.notes: list[SizeNote] = []

    def input(self, name: str) -> Input | Skip:
        if name in _FOLLOWERS:
            return self._own_figure(name, _FOLLOWERS[name])
        value = self._value(name)
        return value if isinstance(value, Skip) else Input(name, value)

    def _value(self, name: str) -> Decimal | Skip:
        match name:
            case "leader_volume":
                return self._leader.volume
            case "leader_contract_size" | "contract_size" | "contract_ratio":
                return self._contract(name)
            case "price":
                return entry_price(self._entry)
            case "stop_distance":
                return self._stop_distance()
            case "value_per_price_unit":
                return self._worth()
            case _:
                return self._leaders_figure(_LEADERS[name])

    def _own_figure(self, name: str, figure: Figure) -> Input | Skip:
        reading = follower_figure(self._rules, self._follower, figure, self._now)
        if isinstance(reading, Skip):
            return reading
        self.notes.extend(stale_note(figure, reading, self._now))
        return Input(name, reading.amount, reading.at)

    def _leaders_figure(self, figure: Figure) -> Decimal | Skip:
        """In the follower's currency."""
        amount = leader_figure(self._leader, figure)
        if isinstance(amount, Skip):
            return amount
        currency = self._currency()
        if isinstance(currency, Skip):
            return currency
        rate = usable_rate(self._rate, currency, self._leader.currency)
        if isinstance(rate, Skip):
            return rate
        if rate is None:
            return amount
        self.used_rate = rate
        return CALCULATION.divide(CALCULATION.multiply(amount, rate.denominator), rate.numerator)

    def _contract(self, name: str) -> Decimal | Skip:
        theirs, mine = self._leader.contract_size, self._follower.spec.contract_size
        if (name != "contract_size" and (theirs is None or theirs <= ZERO)) or (
            name != "leader_contract_size" and mine <= ZERO
        ):
            sizes = f"{theirs or 'unknown'} at the leader and {mine} at the follower"
            return Skip(SkipReason.CONTRACT_UNKNOWN, f"the contract size is {sizes}")
        if name == "contract_size" or theirs is None:
            return mine
        return theirs if name == "leader_contract_size" else CALCULATION.divide(theirs, mine)

    def _stop_distance(self) -> Decimal | Skip:
        price = entry_price(self._entry)
        if isinstance(price, Skip):
            return price
        stop = stop_of(self._entry, price)
        return stop if isinstance(stop, Skip) else CALCULATION.abs(CALCULATION.subtract(price, stop))

    def _worth(self) -> Decimal | Skip:
        currency = self._currency()
        if isinstance(currency, Skip):
            return currency
        worth = worth_of(self._follower.spec, currency, self._entry.profit_rate)
        if isinstance(worth, Skip):
            return worth
        self.worth = worth
        if worth.tick_value is not None:
            self.notes.append(SizeNote.TICK_VALUE_USED)
        return CALCULATION.divide(*worth.fraction())

    def _currency(self) -> str | Skip:
        if self._follower.balance is None:
            return Skip(SkipReason.BALANCE_MISSING, "the follower's EA has not told its currency yet")
        return self._follower.balance.currency
