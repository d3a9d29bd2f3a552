"""What holds for every size, whatever the figures; exact fractions are the judge."""

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from kopitra.domain.arithmetic import Arithmetic
from kopitra.domain.rates import Rate
from kopitra.domain.readings import Balance
from kopitra.domain.rules import CopyRules
from kopitra.domain.sizing import FollowerAccount, LeaderTrade, Sized, SizeNote, size_copy
from kopitra.domain.sizing_modes import BalanceRatio, ByMultiplier, FixedVolume, SameVolume
from kopitra.domain.skips import Skip, SkipReason
from kopitra.domain.symbols import SymbolSpec
from tests.unit.domain.examples import EURUSD, NOW, changed


def positive(places: int, most: str) -> st.SearchStrategy[Decimal]:
    return st.decimals(Decimal(1).scaleb(-places), Decimal(most), places=places, allow_nan=False)


volumes = positive(8, "999999999")
balances = positive(2, "9999999999999999")
contracts = st.sampled_from([Decimal(size) for size in ("0.1", "1", "3", "100", "1000", "100000")])
steps = st.sampled_from([Decimal(step) for step in ("0.01", "0.001", "0.03", "0.1", "1", "0.07", "1E+1")])
sizings = st.one_of(
    st.just(SameVolume()), st.just(ByMultiplier()), st.builds(FixedVolume, volumes), st.just(BalanceRatio())
)


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
    )


@st.composite
def trades(draw: st.DrawFn) -> LeaderTrade:
    return LeaderTrade(
        volume=draw(volumes), contract_size=draw(contracts), balance=draw(balances), currency="USD"
    )


@st.composite
def accounts(draw: st.DrawFn) -> FollowerAccount:
    return FollowerAccount(draw(specs()), Balance(draw(balances), "EUR", NOW - timedelta(seconds=5)))


def exact(rules: CopyRules, trade: LeaderTrade, account: FollowerAccount, rate: Rate) -> Fraction:
    """The unlimited volume, from the rules as they are written, by other means."""
    sizing = rules.sizing
    volume = Fraction(sizing.volume) if isinstance(sizing, FixedVolume) else Fraction(trade.volume)
    if isinstance(sizing, BalanceRatio):
        assert account.balance is not None
        assert trade.balance is not None
        mine = Fraction(account.balance.amount) * Fraction(rate.numerator) / Fraction(rate.denominator)
        volume *= mine / Fraction(trade.balance)
    if not rules.ignore_contract_size:
        assert trade.contract_size is not None
        volume *= Fraction(trade.contract_size) / Fraction(account.spec.contract_size)
    return volume * Fraction(rules.multiplier)


def highest(rules: CopyRules, spec: SymbolSpec) -> Fraction:
    return min(Fraction(limit) for limit in (spec.volume_max, rules.max_volume) if limit is not None)


def lowest(rules: CopyRules, spec: SymbolSpec) -> Fraction:
    return max(Fraction(spec.volume_min), Fraction(rules.min_volume))


@given(settings(), trades(), accounts(), rates)
def test_the_volume_is_the_exact_fraction_floored_once(
    rules: CopyRules, trade: LeaderTrade, account: FollowerAccount, rate: Rate
) -> None:
    step = Fraction(account.spec.volume_step)
    wanted = min(exact(rules, trade, account, rate), highest(rules, account.spec)) // step * step
    result = size_copy(rules, trade, account, rate, NOW)
    if wanted > 0 and wanted >= lowest(rules, account.spec):
        assert isinstance(result, Sized)
        assert Fraction(result.volume) == wanted
    elif isinstance(result, Sized):
        assert SizeNote.RAISED_TO_MIN in result.notes
        assert rules.force_min_volume
        assert (
            Fraction(result.volume) - step < max(lowest(rules, account.spec), step) <= Fraction(result.volume)
        )
    else:
        assert result.reason is SkipReason.BELOW_MINIMUM


@given(settings(), trades(), accounts(), rates)
def test_no_volume_is_above_a_maximum_below_a_minimum_or_off_the_lot_step(
    rules: CopyRules, trade: LeaderTrade, account: FollowerAccount, rate: Rate
) -> None:
    result = size_copy(rules, trade, account, rate, NOW)
    if isinstance(result, Skip):
        return
    volume = Fraction(result.volume)
    assert 0 < volume <= highest(rules, account.spec)
    assert volume >= lowest(rules, account.spec)
    assert (volume / Fraction(account.spec.volume_step)).denominator == 1


@given(settings(), trades(), accounts(), rates, volumes)
def test_a_larger_trade_of_the_leader_never_gets_a_smaller_copy(
    rules: CopyRules, trade: LeaderTrade, account: FollowerAccount, rate: Rate, other: Decimal
) -> None:
    small, large = sorted([trade.volume, other])
    smaller = size_copy(rules, changed(trade, volume=small), account, rate, NOW)
    larger = size_copy(rules, changed(trade, volume=large), account, rate, NOW)
    if isinstance(smaller, Sized):
        assert isinstance(larger, Sized)
        assert smaller.volume <= larger.volume


@given(settings(), trades(), accounts(), rates)
def test_the_recorded_factors_alone_reproduce_the_exact_volume(
    rules: CopyRules, trade: LeaderTrade, account: FollowerAccount, rate: Rate
) -> None:
    result = size_copy(rules, trade, account, rate, NOW)
    assert result.arithmetic is not None
    stored = msgspec.json.decode(msgspec.json.encode(result.arithmetic), type=Arithmetic)
    assert stored == result.arithmetic
    numerator, denominator = stored.fraction()
    assert Fraction(numerator) / Fraction(denominator) == exact(rules, trade, account, rate)
