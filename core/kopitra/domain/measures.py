"""What each sizing mode starts a volume from, before limits: one function a family of modes."""

from datetime import datetime
from decimal import Decimal
from functools import lru_cache

import msgspec

from kopitra.domain.arithmetic import BalanceShare, Budget, Formula, Worth
from kopitra.domain.expressions import MOST_REMEMBERED, Expression, parse
from kopitra.domain.formulas import applied, mentions_leaders_money
from kopitra.domain.quantities import ONE
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
from kopitra.domain.sizing_modes import (
    BalanceRatio,
    ByExpression,
    ByMultiplier,
    ContractSize,
    EquityRatio,
    FixedLeverage,
    FixedRisk,
    FixedVolume,
    FreeMarginRatio,
    RiskBasis,
    SameVolume,
    Sizing,
)
from kopitra.domain.skips import Skip


class Measured(msgspec.Struct, frozen=True, gc=False):
    """The factors that a mode gives: see `Arithmetic`."""

    start: Decimal
    share: BalanceShare | None = None
    budget: Budget | None = None
    formula: Formula | None = None
    notes: tuple[SizeNote, ...] = ()


class Needs(msgspec.Struct, frozen=True):
    """What a mode reads beside the leader's trade: so that nothing is looked up for nothing."""

    figures: bool = False
    share_rate: bool = False
    """From the follower's currency to the leader's."""
    entry: bool = False
    profit_rate: bool = False
    """From the symbol's profit currency to the follower's."""


_NOTHING = Needs()
_SHARE = Needs(figures=True, share_rate=True)
_BUDGET = Needs(figures=True, entry=True, profit_rate=True)
_NO_NAMES: frozenset[str] = frozenset()
_MONEY = frozenset({"balance", "equity", "free_margin", "value_per_price_unit"})
_RATIOS: dict[type[Sizing], Figure] = {
    BalanceRatio: Figure.BALANCE,
    EquityRatio: Figure.EQUITY,
    FreeMarginRatio: Figure.FREE_MARGIN,
}
_NEEDS: dict[type[Sizing], Needs] = {
    **dict.fromkeys(_RATIOS, _SHARE),
    FixedRisk: _BUDGET,
    FixedLeverage: _BUDGET,
}
_BY_COST: frozenset[type[Sizing]] = frozenset({FixedRisk, FixedLeverage})
_BY_VOLUME: frozenset[type[Sizing]] = frozenset({SameVolume, ByMultiplier, ContractSize})


def needs_of(sizing: Sizing) -> Needs:
    if isinstance(sizing, ByExpression):
        return _needs_of_expression(sizing.expression)
    return _NEEDS.get(type(sizing), _NOTHING)


@lru_cache(maxsize=MOST_REMEMBERED)
def _needs_of_expression(text: str) -> Needs:
    read = parse(text)
    names = frozenset(read.names) if isinstance(read, Expression) else _NO_NAMES
    foreign, worth = mentions_leaders_money(names), "value_per_price_unit" in names
    prices = bool(names & {"price", "stop_distance"})
    return Needs(foreign or bool(names & _MONEY), foreign, prices or worth, worth)


def normalises(rules: CopyRules) -> bool:
    """Whether leader's and follower's contract sizes multiply the volume. Modes that count the follower's own lots by
    what they cost use only the follower's, which no setting can ignore."""
    kind = type(rules.sizing)
    return kind not in _BY_COST and (not rules.ignore_contract_size or kind is ContractSize)


def measure(
    rules: CopyRules,
    leader: LeaderTrade,
    follower: FollowerAccount,
    rate: RateReading,
    entry: Entry,
    now: datetime,
) -> Measured | Skip:
    sizing = rules.sizing
    if type(sizing) in _BY_VOLUME:
        return Measured(leader.volume)
    figure = _RATIOS.get(type(sizing))
    if figure is not None:
        return _proportion(rules, leader, follower, rate, figure, now)
    match sizing:
        case FixedVolume():
            return Measured(sizing.volume)
        case FixedRisk():
            basis = Figure.BALANCE if sizing.basis is RiskBasis.BALANCE else Figure.EQUITY
            return _budget(rules, follower, entry, basis, sizing.fraction, True, now)
        case FixedLeverage():
            return _budget(rules, follower, entry, Figure.EQUITY, sizing.leverage, False, now)
        case ByExpression():
            return _expression(rules, sizing, leader, follower, rate, entry, now)
        case _:
            raise AssertionError(f"{sizing} is a mode of none of the families above")


def _proportion(
    rules: CopyRules,
    leader: LeaderTrade,
    follower: FollowerAccount,
    rate: RateReading,
    figure: Figure,
    now: datetime,
) -> Measured | Skip:
    theirs = leader_figure(leader, figure)
    if isinstance(theirs, Skip):
        return theirs
    mine = follower_figure(rules, follower, figure, now)
    if isinstance(mine, Skip):
        return mine
    used = usable_rate(rate, mine.currency, leader.currency)
    if isinstance(used, Skip):
        return used
    share = BalanceShare(mine, theirs, leader.currency, used)
    return Measured(leader.volume, share, notes=stale_note(figure, mine, now))


def _budget(
    rules: CopyRules,
    follower: FollowerAccount,
    entry: Entry,
    basis: Figure,
    part: Decimal,
    to_stop: bool,
    now: datetime,
) -> Measured | Skip:
    """`part` of a figure: lost at the stop loss, or as notional value."""
    price = entry_price(entry)
    if isinstance(price, Skip):
        return price
    stop = stop_of(entry, price) if to_stop else None
    if isinstance(stop, Skip):
        return stop
    figure = follower_figure(rules, follower, basis, now)
    if isinstance(figure, Skip):
        return figure
    worth = worth_of(follower.spec, figure.currency, entry.profit_rate)
    if isinstance(worth, Skip):
        return worth
    budget = Budget(figure, basis, part, worth, price, stop)
    return Measured(ONE, budget=budget, notes=(*stale_note(basis, figure, now), *worth_note(worth)))


def _expression(
    rules: CopyRules,
    sizing: ByExpression,
    leader: LeaderTrade,
    follower: FollowerAccount,
    rate: RateReading,
    entry: Entry,
    now: datetime,
) -> Measured | Skip:
    result = applied(rules, sizing.expression, leader, follower, rate, entry, now)
    if isinstance(result, Skip):
        return result
    return Measured(result.value, formula=result.formula, notes=result.notes)


def worth_note(worth: Worth | None) -> tuple[SizeNote, ...]:
    return (SizeNote.TICK_VALUE_USED,) if worth is not None and worth.tick_value is not None else ()
