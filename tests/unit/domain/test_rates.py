"""Which quotes make a rate between two currencies, and when there is none."""

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kopitra.domain.quotes import Quote
from kopitra.domain.rates import Converted, Rate, RateMissing, RateStale, convert, find_rate
from kopitra.domain.readings import RATE_MAX_AGE, RateTable, pair_quote, rate_table
from tests.unit.domain.examples import EURUSD, JP225, NOW, changed, pair, table

STALE = RATE_MAX_AGE + timedelta(milliseconds=1)


def found(source: str, target: str, quotes: RateTable) -> Rate:
    result = find_rate(source, target, quotes, NOW)
    assert isinstance(result, Rate), result
    return result


def value(rate: Rate) -> Fraction:
    return Fraction(rate.numerator) / Fraction(rate.denominator)


def test_a_currency_is_worth_itself() -> None:
    assert value(found("USD", "USD", {})) == 1


def test_a_pair_is_taken_at_its_mid_price() -> None:
    rate = found("EUR", "USD", table(pair("EURUSD", "1.0999", "1.1002")))
    assert value(rate) == Fraction("1.10005")
    assert rate.path == ("EURUSD",)


def test_the_same_pair_serves_the_way_back() -> None:
    rate = found("USD", "EUR", table(pair("EURUSD", "1.0999", "1.1002")))
    assert value(rate) == 1 / Fraction("1.10005")
    assert rate.path == ("1/EURUSD",)


def test_a_brokers_suffix_does_not_hide_a_pair() -> None:
    assert found("EUR", "USD", table(pair("EURUSD.pro", "1.1", "1.1"))).path == ("EURUSD.pro",)


def test_dollars_bridge_where_there_is_no_pair() -> None:
    rate = found("EUR", "JPY", table(pair("EURUSD", "1.1", "1.1"), pair("USDJPY", "150", "150")))
    assert value(rate) == 165
    assert rate.path == ("EURUSD", "USDJPY")


def test_a_bridge_may_need_a_pair_upside_down() -> None:
    rate = found("CHF", "EUR", table(pair("EURUSD", "1.1", "1.1"), pair("USDCHF", "0.8", "0.8")))
    assert value(rate) == 1 / (Fraction("1.1") * Fraction("0.8"))
    assert rate.path == ("1/USDCHF", "1/EURUSD")


def test_dollars_are_tried_before_euros_and_euros_before_others() -> None:
    by_aud = [pair("NZDAUD", "0.9", "0.9"), pair("AUDJPY", "100", "100")]
    by_eur = [pair("EURNZD", "1.8", "1.8"), pair("EURJPY", "160", "160")]
    by_usd = [pair("NZDUSD", "0.6", "0.6"), pair("USDJPY", "150", "150")]
    assert found("NZD", "JPY", table(*by_aud, *by_eur, *by_usd)).path == ("NZDUSD", "USDJPY")
    assert found("NZD", "JPY", table(*by_aud, *by_eur)).path == ("1/EURNZD", "EURJPY")
    assert found("NZD", "JPY", table(*by_aud)).path == ("NZDAUD", "AUDJPY")


def test_a_bridge_is_as_old_as_its_older_leg() -> None:
    minute = timedelta(minutes=1)
    quotes = table(pair("EURUSD", "1.1", "1.1", age=3 * minute), pair("USDJPY", "150", "150", age=minute))
    assert found("EUR", "JPY", quotes).at == NOW - 3 * minute


def test_a_stale_pair_gives_way_to_a_fresh_bridge() -> None:
    bridge = [pair("EURUSD", "1.1", "1.1"), pair("USDJPY", "150", "150")]
    quotes = table(pair("EURJPY", "161", "161", age=STALE), *bridge)
    assert found("EUR", "JPY", quotes).path == ("EURUSD", "USDJPY")


def test_a_rate_is_good_for_its_age_limit_and_not_a_moment_longer() -> None:
    assert found("EUR", "USD", table(pair("EURUSD", "1.1", "1.1", age=RATE_MAX_AGE)))
    stale = find_rate("EUR", "USD", table(pair("EURUSD", "1.1", "1.1", age=STALE)), NOW)
    assert stale == RateStale("EUR", "USD", ("EURUSD",), NOW - STALE)


def test_of_several_stale_ways_the_first_one_is_told() -> None:
    bridge = [pair("EURUSD", "1.1", "1.1", age=STALE), pair("USDJPY", "150", "150")]
    stale = find_rate("EUR", "JPY", table(pair("EURJPY", "161", "161", age=2 * STALE), *bridge), NOW)
    assert stale == RateStale("EUR", "JPY", ("EURJPY",), NOW - 2 * STALE)


def test_no_way_is_missing_not_stale() -> None:
    assert find_rate("EUR", "JPY", table(pair("EURUSD", "1.1", "1.1")), NOW) == RateMissing("EUR", "JPY")


def test_the_youngest_quote_of_a_pair_counts() -> None:
    old, young = pair("EURUSD", "1.1", "1.1", age=timedelta(minutes=2)), pair("EURUSD.pro", "1.2", "1.2")
    assert found("EUR", "USD", table(young, old)).path == ("EURUSD.pro",)


def test_of_two_quotes_received_at_once_for_one_symbol_the_later_one_counts() -> None:
    quotes = table(pair("EURUSD", "1.1", "1.1"), pair("EURUSD", "1.2", "1.2"))
    assert value(found("EUR", "USD", quotes)) == Fraction("1.2")


def test_the_choice_among_equally_old_quotes_does_not_depend_on_their_order() -> None:
    quotes = [pair("EURUSD.pro", "1.2", "1.2"), pair("EURUSDm", "1.3", "1.3"), pair("EURUSDc", "1.4", "1.4")]
    paths = {found("EUR", "USD", table(*order)).path for order in permutations(quotes)}
    assert paths == {("EURUSDc",)}


def test_an_index_that_claims_two_currencies_is_no_rate() -> None:
    """A broker may file JP225 under USD/JPY: its 39,000 points are not what a dollar costs."""
    index = changed(JP225, base_currency="USD", profit_currency="JPY")
    assert pair_quote(Quote("JP225", Decimal(39000), Decimal(39010)), index, NOW) is None


@pytest.mark.parametrize(
    ("bid", "ask"), [("0", "1.1"), ("-1", "1"), ("1.2", "1.1"), ("NaN", "1"), ("1", "Infinity")]
)
def test_senseless_prices_are_no_rate(bid: str, ask: str) -> None:
    assert pair_quote(Quote("EURUSD", Decimal(bid), Decimal(ask)), EURUSD, NOW) is None


def test_an_amount_is_converted_with_the_rate_that_was_used() -> None:
    converted = convert(Decimal("250"), "EUR", "USD", table(pair("EURUSD", "1.1", "1.3")), NOW)
    assert isinstance(converted, Converted)
    assert converted.amount == Decimal("300")
    assert converted.rate.path == ("EURUSD",)


def test_an_amount_without_a_rate_is_not_converted() -> None:
    assert convert(Decimal("250"), "EUR", "USD", {}, NOW) == RateMissing("EUR", "USD")


currencies = st.sampled_from(["USD", "EUR", "JPY", "AUD", "CHF", "NZD"])
prices = st.decimals("0.00001", "99999", places=5, allow_nan=False)


@st.composite
def tables(draw: st.DrawFn) -> RateTable:
    names = draw(
        st.lists(st.tuples(currencies, currencies).filter(lambda two: two[0] != two[1]), max_size=12)
    )
    quotes = [
        pair(
            base + profit + draw(st.sampled_from(["", ".m"])),
            str(price := draw(prices)),
            str(price + draw(prices)),
            age=draw(st.sampled_from([timedelta(0), timedelta(minutes=9), STALE])),
        )
        for base, profit in names
    ]
    return rate_table(quotes)


@given(tables(), currencies, currencies)
def test_there_and_back_is_exactly_one(quotes: RateTable, source: str, target: str) -> None:
    there, back = find_rate(source, target, quotes, NOW), find_rate(target, source, quotes, NOW)
    assert type(there) is type(back)
    if isinstance(there, Rate) and isinstance(back, Rate):
        assert value(there) * value(back) == 1
        assert there.at == back.at


@given(tables(), currencies, currencies)
def test_a_found_rate_is_fresh_and_above_zero(quotes: RateTable, source: str, target: str) -> None:
    rate = find_rate(source, target, quotes, NOW)
    if isinstance(rate, Rate):
        assert NOW - rate.at <= RATE_MAX_AGE
        assert value(rate) > 0
