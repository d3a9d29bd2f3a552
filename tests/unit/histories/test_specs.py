"""Symbol specifications come from what a timeline shows and what the catalogue knows."""

from decimal import Decimal
from typing import Any

import pytest

from kopitra.domain.symbols import SymbolSpec
from kopitra.simulation.histories.catalogue import known_symbol
from kopitra.simulation.histories.sample import sample_history
from kopitra.simulation.histories.specs import specs_for
from kopitra.simulation.statements import read_statement
from tests.unit.statements.mt4_page import Trade, page


def spec_of(**trade: Any) -> SymbolSpec:
    (spec,) = specs_for(read_statement(page([Trade(ticket=1, **trade)]).encode())).specs
    return spec


def test_digits_are_those_of_the_prices() -> None:
    assert spec_of(item="usdjpy.", price="151.203", close_price="151.300").digits == 3
    assert spec_of(item="jp225", price="21719", close_price="21723").digits == 0
    assert spec_of(item="btcusd", price="67123.45678901", close_price="67124.00000000").digits == 8


def test_the_lot_step_is_as_fine_as_the_volumes() -> None:
    assert spec_of(size="0.10").volume_step == Decimal("0.01")
    assert spec_of(size="0.001").volume_step == spec_of(size="0.001").volume_min == Decimal("0.001")
    assert spec_of(size="2 500.00").volume_max == Decimal(2500)


def test_an_unknown_symbol_is_taken_for_one_unit_and_noted() -> None:
    derived = specs_for(read_statement(page([Trade(ticket=1, item="FOOBAR42")], currency="EUR").encode()))
    (spec,) = derived.specs
    assert (spec.contract_size, spec.base_currency, spec.profit_currency) == (Decimal(1), "EUR", "EUR")
    assert derived.notes == ("FOOBAR42 is not in the catalogue: one lot is taken for 1 unit, in EUR",)


def test_the_sample_needs_no_note() -> None:
    derived = specs_for(sample_history())
    assert [spec.symbol for spec in derived.specs] == [
        "AUDUSD",
        "EURUSD",
        "GBPUSD",
        "USDCAD",
        "USDJPY",
        "XAUUSD",
    ]
    assert derived.notes == ()


@pytest.mark.parametrize(
    ("name", "base", "profit", "size"),
    [
        ("EURUSD", "EUR", "USD", 100_000),
        ("eurusd.", "EUR", "USD", 100_000),
        ("EURUSDm", "EUR", "USD", 100_000),
        ("EUR/USD", "EUR", "USD", 100_000),
        ("eurgbpi", "EUR", "GBP", 100_000),
        ("USDJPY.pro", "USD", "JPY", 100_000),
        ("XAUUSD", "XAU", "USD", 100),
        ("GOLD#", "XAU", "USD", 100),
        ("xagusd.", "XAG", "USD", 5000),
        ("us_oil", "USD", "USD", 1000),
        ("#US30", "USD", "USD", 1),
        ("GER40.cash", "EUR", "EUR", 1),
        ("BTCUSD", "BTC", "USD", 1),
        ("BTCUSDT", "BTC", "USDT", 1),
    ],
)
def test_a_known_symbol_is_recognised_in_any_decoration(name: str, base: str, profit: str, size: int) -> None:
    known = known_symbol(name)
    assert known is not None
    assert (known.base_currency, known.profit_currency, known.contract_size) == (base, profit, Decimal(size))


@pytest.mark.parametrize("name", ["EURUSDT", "US300", "USDUSD", "AAPL", "EURUSD2", "", "EU", "GOLDMAN99"])
def test_what_only_resembles_a_known_symbol_is_unknown(name: str) -> None:
    assert known_symbol(name) is None
