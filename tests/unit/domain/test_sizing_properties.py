"""What holds for every size, whatever the figures; exact fractions are the judge."""

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from kopitra.domain.arithmetic import Arithmetic
from kopitra.domain.orders import Side
from kopitra.domain.partial_close import remaining_target
from kopitra.domain.rates import Rate
from kopitra.domain.readings import Balance
from kopitra.domain.rules import CopyRules, Remainder
from kopitra.domain.sizing import Sized, size_copy
from kopitra.domain.sizing_inputs import Entry, FollowerAccount, LeaderTrade, SizeNote
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
from kopitra.domain.skips import Skip, SkipReason
from kopitra.domain.symbols import SymbolSpec
from tests.unit.domain.examples import EURUSD, NOW, changed


def positive(places: int, most: str) -> st.SearchStrategy[Decimal]:
    return st.decimals(Decimal(1).scaleb(-places), Decimal(most), places=places, allow_nan=False)


volumes = positive(8, "999999999")
balances = positive(2, "9999999999999999")
contracts = st.sampled_from([Decimal(size) for size in ("0.1", "1", "3", "100", "1000", "100000")])
steps = st.sampled_from([Decimal(step) for step in ("0.01", "0.001", "0.03", "0.1", "1", "0.07", "1E+1")])
parts = positive(6, "1")
sizings = st.one_of(
    st.sampled_from([SameVolume(), ByMultiplier(), ContractSize(), ByExpression("leader_volume * 0.37")]),
    st.sampled_from([BalanceRatio(), EquityRatio(), FreeMarginRatio()]),
    st.builds(FixedVolume, volumes),
    st.builds(FixedRisk, parts, st.sampled_from(RiskBasis)),
    st.builds(FixedLeverage, positive(3, "500")),
)
RATIOS = {BalanceRatio: "balance", EquityRatio: "equity", FreeMarginRatio: "free_margin"}


def rate_of(numerator: Decimal, denominator: Decimal) -> Rate:
    return Rate("EUR", "USD", numerator, denominator, ("EURUSD",), NOW)


rates = st.builds(rate_of, positive(10, "99999999"), positive(10, "99999999"))


@st.composite
def specs(draw: st.DrawFn) -> SymbolSpec:
    step = draw(steps)
    least = draw(st.one_of(st.just(step), positive(3, "5")))
    most = draw(st.one_of(st.just(Decimal(100)), positive(3, "500")))
    size = draw(contracts)
    return changed(EURUSD, contract_size=size, volume_min=least, volume_max=most, volume_step=step)


@st.composite
def settings(draw: st.DrawFn) -> CopyRules:
    return CopyRules(
        sizing=draw(sizings),
        multiplier=draw(positive(4, "1000")),
        min_volume=draw(st.one_of(st.just(Decimal(0)), positive(3, "2"))),
        max_volume=draw(st.one_of(st.none(), positive(3, "200"))),
        force_min_volume=draw(st.booleans()),
        ignore_contract_size=draw(st.booleans()),
        max_risk_multiple=draw(
            st.one_of(st.none(), st.just(Decimal(1)), positive(2, "20").map(_at_least_one))
        ),
    )


def _at_least_one(value: Decimal) -> Decimal:
    return max(value, Decimal(1))


@st.composite
def trades(draw: st.DrawFn) -> LeaderTrade:
    return LeaderTrade(
        volume=draw(volumes),
        contract_size=draw(contracts),
        balance=draw(balances),
        currency="USD",
        equity=draw(balances),
        free_margin=draw(balances),
    )


@st.composite
def accounts(draw: st.DrawFn) -> FollowerAccount:
    readings = [Balance(draw(balances), "EUR", NOW - timedelta(seconds=5)) for _ in range(3)]
    return FollowerAccount(draw(specs()), *readings)


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    """A trade with its stop on the losing side, and the rate of its profit currency."""
    price, distance = draw(positive(5, "90000")), draw(positive(5, "90000"))
    side = draw(st.sampled_from(Side))
    if side is Side.BUY:
        price += distance
    stop = price - distance if side is Side.BUY else price + distance
    rate = Rate("USD", "EUR", draw(positive(10, "9999")), draw(positive(10, "9999")), ("1/EURUSD",), NOW)
    return Entry(side, price, stop, rate)


def exact(
    rules: CopyRules, trade: LeaderTrade, account: FollowerAccount, rate: Rate, entry: Entry
) -> Fraction:
    """The unlimited volume, from the rules as they are written, by other means."""
    sizing, normalised = rules.sizing, not rules.ignore_contract_size
    volume = Fraction(trade.volume)
    match sizing:
        case FixedVolume():
            volume = Fraction(sizing.volume)
        case BalanceRatio() | EquityRatio() | FreeMarginRatio():
            figure = RATIOS[type(sizing)]
            mine = Fraction(getattr(account, figure).amount) * fraction_of(rate)
            volume *= mine / Fraction(getattr(trade, figure))
        case ContractSize():
            normalised = True
        case ByExpression():
            volume *= Fraction("0.37")
        case FixedRisk() | FixedLeverage():
            normalised = False
            volume = affordable(sizing, account, entry)
        case _:
            pass
    if normalised:
        assert trade.contract_size is not None
        volume *= Fraction(trade.contract_size) / Fraction(account.spec.contract_size)
    return volume * Fraction(rules.multiplier)


def affordable(sizing: FixedRisk | FixedLeverage, account: FollowerAccount, entry: Entry) -> Fraction:
    """Lots whose loss at the stop, or whose notional value, is the wanted part of the account."""
    assert account.balance is not None
    assert account.equity is not None
    assert entry.price is not None
    assert entry.stop_loss is not None
    assert isinstance(entry.profit_rate, Rate)
    lot = Fraction(account.spec.contract_size) * fraction_of(entry.profit_rate)
    if isinstance(sizing, FixedLeverage):
        money = Fraction(account.equity.amount) * Fraction(sizing.leverage)
        return money / (lot * Fraction(entry.price))
    basis = account.balance if sizing.basis is RiskBasis.BALANCE else account.equity
    money = Fraction(basis.amount) * Fraction(sizing.fraction)
    return money / (lot * abs(Fraction(entry.price) - Fraction(entry.stop_loss)))


def fraction_of(rate: Rate) -> Fraction:
    return Fraction(rate.numerator) / Fraction(rate.denominator)


def highest(rules: CopyRules, spec: SymbolSpec) -> Fraction:
    return min(Fraction(limit) for limit in (spec.volume_max, rules.max_volume) if limit is not None)


def lowest(rules: CopyRules, spec: SymbolSpec) -> Fraction:
    return max(Fraction(spec.volume_min), Fraction(rules.min_volume))


@given(settings(), trades(), accounts(), rates, entries())
def test_the_volume_is_the_exact_fraction_floored_once(
    rules: CopyRules, trade: LeaderTrade, account: FollowerAccount, rate: Rate, entry: Entry
) -> None:
    step = Fraction(account.spec.volume_step)
    wanted = min(exact(rules, trade, account, rate, entry), highest(rules, account.spec)) // step * step
    result = size_copy(rules, trade, account, rate, NOW, entry)
    if wanted > 0 and wanted >= lowest(rules, account.spec):
        assert isinstance(result, Sized)
        assert Fraction(result.volume) == wanted
    elif isinstance(result, Sized):
        assert SizeNote.RAISED_TO_MIN in result.notes
        assert rules.force_min_volume
        most = rules.max_risk_multiple
        whole = exact(rules, trade, account, rate, entry)
        assert most is None or Fraction(result.volume) <= whole * Fraction(most)
        assert (
            Fraction(result.volume) - step < max(lowest(rules, account.spec), step) <= Fraction(result.volume)
        )
    elif result.reason is SkipReason.RISK_MULTIPLE_EXCEEDED:
        assert rules.force_min_volume
        assert rules.max_risk_multiple is not None
    else:
        assert result.reason is SkipReason.BELOW_MINIMUM


@given(settings(), trades(), accounts(), rates, entries())
def test_no_volume_is_above_a_maximum_below_a_minimum_or_off_the_lot_step(
    rules: CopyRules, trade: LeaderTrade, account: FollowerAccount, rate: Rate, entry: Entry
) -> None:
    result = size_copy(rules, trade, account, rate, NOW, entry)
    if isinstance(result, Skip):
        return
    volume = Fraction(result.volume)
    assert 0 < volume <= highest(rules, account.spec)
    assert volume >= lowest(rules, account.spec)
    assert (volume / Fraction(account.spec.volume_step)).denominator == 1


@given(settings(), trades(), accounts(), rates, entries(), volumes)
def test_a_larger_trade_of_the_leader_never_gets_a_smaller_copy(
    rules: CopyRules, trade: LeaderTrade, account: FollowerAccount, rate: Rate, entry: Entry, other: Decimal
) -> None:
    small, large = sorted([trade.volume, other])
    smaller = size_copy(rules, changed(trade, volume=small), account, rate, NOW, entry)
    larger = size_copy(rules, changed(trade, volume=large), account, rate, NOW, entry)
    if isinstance(smaller, Sized):
        assert isinstance(larger, Sized)
        assert smaller.volume <= larger.volume


@given(settings(), trades(), accounts(), rates, entries())
def test_the_recorded_factors_alone_reproduce_the_exact_volume(
    rules: CopyRules, trade: LeaderTrade, account: FollowerAccount, rate: Rate, entry: Entry
) -> None:
    result = size_copy(rules, trade, account, rate, NOW, entry)
    assert result.arithmetic is not None
    stored = msgspec.json.decode(msgspec.json.encode(result.arithmetic), type=Arithmetic)
    assert stored == result.arithmetic
    numerator, denominator = stored.fraction()
    assert Fraction(numerator) / Fraction(denominator) == exact(rules, trade, account, rate, entry)


unlimited = changed(EURUSD, volume_min=Decimal("0.01"), volume_max=Decimal(10**30))
"""Metamorphic tests compare volumes that no limit has touched."""


def lots_of(result: Sized | Skip) -> Decimal:
    return result.volume if isinstance(result, Sized) else Decimal(0)


@given(st.sampled_from(list(RATIOS)), trades(), accounts(), rates)
def test_twice_the_leaders_account_makes_half_the_copy(
    mode: type[BalanceRatio] | type[EquityRatio] | type[FreeMarginRatio],
    trade: LeaderTrade,
    account: FollowerAccount,
    rate: Rate,
) -> None:
    rules, figure = CopyRules(sizing=mode()), RATIOS[mode]
    account = changed(account, spec=unlimited)
    richer = changed(trade, **{figure: getattr(trade, figure) * 2})
    whole = Fraction(lots_of(size_copy(rules, trade, account, rate, NOW)))
    half = Fraction(lots_of(size_copy(rules, richer, account, rate, NOW)))
    assert 0 <= whole - 2 * half <= Fraction(unlimited.volume_step)


@given(sizings, trades(), accounts(), rates, entries())
def test_twice_the_followers_account_makes_at_least_twice_the_copy_where_it_matters(
    sizing: Sizing, trade: LeaderTrade, account: FollowerAccount, rate: Rate, entry: Entry
) -> None:
    rules, poor = CopyRules(sizing=sizing), changed(account, spec=unlimited)
    rich = changed(poor, **{name: doubled(getattr(poor, name)) for name in RATIOS.values()})
    one = lots_of(size_copy(rules, trade, poor, rate, NOW, entry))
    two = lots_of(size_copy(rules, trade, rich, rate, NOW, entry))
    if isinstance(sizing, BalanceRatio | EquityRatio | FreeMarginRatio | FixedRisk | FixedLeverage):
        assert 0 <= Fraction(two) - 2 * Fraction(one) <= Fraction(unlimited.volume_step)
    else:
        assert one == two


def doubled(reading: Balance) -> Balance:
    return changed(reading, amount=reading.amount * 2)


@given(parts, st.sampled_from(RiskBasis), trades(), accounts(), entries())
def test_a_stopped_copy_of_fixed_risk_never_loses_more_than_its_fraction(
    fraction: Decimal, basis: RiskBasis, trade: LeaderTrade, account: FollowerAccount, entry: Entry
) -> None:
    result = size_copy(CopyRules(sizing=FixedRisk(fraction, basis)), trade, account, None, NOW, entry)
    if isinstance(result, Skip):
        return
    figure = account.balance if basis is RiskBasis.BALANCE else account.equity
    assert figure is not None
    assert entry.price is not None
    assert entry.stop_loss is not None
    assert isinstance(entry.profit_rate, Rate)
    distance = abs(Fraction(entry.price) - Fraction(entry.stop_loss))
    lost = Fraction(result.volume) * Fraction(account.spec.contract_size) * distance
    assert lost * fraction_of(entry.profit_rate) <= Fraction(figure.amount) * Fraction(fraction)


@given(settings(), trades(), accounts(), rates, entries(), st.lists(positive(4, "1"), max_size=6))
def test_however_a_leader_closes_in_parts_the_copys_parts_sum_to_the_whole(
    rules: CopyRules,
    trade: LeaderTrade,
    account: FollowerAccount,
    rate: Rate,
    entry: Entry,
    remaining: list[Decimal],
) -> None:
    result = size_copy(rules, trade, account, rate, NOW, entry)
    if isinstance(result, Skip):
        return
    held, closed = result.volume, Decimal(0)
    for share in [*sorted(remaining, reverse=True), Decimal(0)]:
        left = trade.volume * share
        target = remaining_target(result.volume, trade.volume, left, account.spec, Remainder.CLOSE_ALL)
        part = max(Decimal(0), held - target)
        held, closed = held - part, closed + part
    assert (held, closed) == (Decimal(0), result.volume)
