"""Which of a follower's symbols stands for the leader's."""

import pytest

from kopitra.domain.catalogues import Catalogue
from kopitra.domain.mapping import Mapped, MappedBy, map_symbol, opens
from kopitra.domain.orders import Side
from kopitra.domain.rules import CopyRules
from kopitra.domain.skips import Skip, SkipReason
from kopitra.domain.symbols import SymbolSpec, TradeMode
from tests.unit.domain.examples import EURUSD, JP225, SAME, changed


def named(
    symbol: str, base: str = "EUR", profit: str = "USD", mode: TradeMode = TradeMode.FULL
) -> SymbolSpec:
    return changed(EURUSD, symbol=symbol, base_currency=base, profit_currency=profit, trade_mode=mode)


def index(symbol: str, currency: str = "JPY", mode: TradeMode = TradeMode.FULL) -> SymbolSpec:
    return changed(JP225, symbol=symbol, base_currency=currency, profit_currency=currency, trade_mode=mode)


def mapped(leader: SymbolSpec | str, *catalogue: SymbolSpec, rules: CopyRules = SAME) -> tuple[str, MappedBy]:
    result = map_symbol(rules, leader, Catalogue(catalogue))
    assert isinstance(result, Mapped), result
    return result.symbol, result.how


def refused(leader: SymbolSpec | str, *catalogue: SymbolSpec, rules: CopyRules = SAME) -> SkipReason:
    result = map_symbol(rules, leader, Catalogue(catalogue))
    assert isinstance(result, Skip), result
    return result.reason


def test_an_explicit_mapping_wins_over_the_same_name() -> None:
    rules = changed(SAME, symbols={"XAUUSD": "GOLD"})
    gold, same = named("GOLD", "XAU"), named("XAUUSD", "XAU")
    assert mapped(same, gold, same, rules=rules) == ("GOLD", MappedBy.EXPLICIT)


def test_an_explicit_mapping_is_found_ignoring_case() -> None:
    rules = changed(SAME, symbols={"XAUUSD": "GOLD"})
    assert mapped(named("xauusd", "XAU"), named("GOLD", "XAU"), rules=rules) == ("GOLD", MappedBy.EXPLICIT)


def test_an_explicit_mapping_to_nothing_does_not_fall_back_to_a_guess() -> None:
    rules = changed(SAME, symbols={"EURUSD": "EURUSD.x"})
    assert refused(named("EURUSD"), named("EURUSD"), rules=rules) is SkipReason.SYMBOL_UNMAPPED


@pytest.mark.parametrize("mode", [TradeMode.CLOSE_ONLY, TradeMode.DISABLED])
def test_an_explicit_mapping_to_a_symbol_that_cannot_be_opened_is_refused(mode: TradeMode) -> None:
    rules = changed(SAME, symbols={"EURUSD": "EURUSDm"})
    assert (
        refused(named("EURUSD"), named("EURUSDm", mode=mode), rules=rules) is SkipReason.SYMBOL_NOT_TRADABLE
    )


def test_the_same_name_is_taken_among_suffixed_ones() -> None:
    assert mapped(named("EURUSD"), named("EURUSD"), named("EURUSD.pro")) == ("EURUSD", MappedBy.SAME_NAME)


@pytest.mark.parametrize(
    "leader", ["eurusd.", "EURUSD", "EURUSDm", "EURUSD.pro", "EUR/USD", "_EURUSD", "fxEURUSD"]
)
@pytest.mark.parametrize(
    "follower", ["EURUSD-x", "eurusd", "EURUSDc", "EURUSD.ecn", "mEURUSD", "EURUSD#", "EURUSD_i"]
)
def test_decorations_of_currency_pairs_are_seen_through_on_both_sides(leader: str, follower: str) -> None:
    assert mapped(named(leader), named(follower), named("EURGBP", "EUR", "GBP")) == (
        follower,
        MappedBy.DISCOVERED,
    )


def test_two_candidates_are_ambiguous_and_named() -> None:
    result = map_symbol(SAME, named("eurusd."), Catalogue([named("EURUSD.pro"), named("EURUSD")]))
    assert isinstance(result, Skip)
    assert result.reason is SkipReason.SYMBOL_AMBIGUOUS
    assert result.detail == "eurusd. may be any of EURUSD, EURUSD.pro; map it explicitly"


@pytest.mark.parametrize("mode", [TradeMode.DISABLED, TradeMode.CLOSE_ONLY, TradeMode.LONG_ONLY])
def test_only_fully_tradable_symbols_are_candidates(mode: TradeMode) -> None:
    assert mapped(named("eurusd."), named("EURUSD", mode=mode), named("EURUSDm"))[0] == "EURUSDm"
    assert refused(named("eurusd."), named("EURUSD", mode=mode)) is SkipReason.SYMBOL_UNMAPPED


def test_a_disabled_symbol_of_the_same_name_gives_way_to_the_one_the_account_trades() -> None:
    disabled = named("EURUSD", mode=TradeMode.DISABLED)
    assert mapped(named("EURUSD"), disabled, named("EURUSDm")) == ("EURUSDm", MappedBy.DISCOVERED)


def test_a_disabled_symbol_of_the_same_name_alone_is_not_tradable() -> None:
    disabled = named("EURUSD", mode=TradeMode.DISABLED)
    assert refused(named("EURUSD"), disabled) is SkipReason.SYMBOL_NOT_TRADABLE


def test_other_currencies_under_a_like_name_are_no_candidate() -> None:
    assert (
        refused(named("XAUUSD", "XAU", "USD"), named("XAUUSD.m", "XAU", "EUR")) is SkipReason.SYMBOL_UNMAPPED
    )


def test_another_base_currency_under_the_same_bare_name_is_no_candidate() -> None:
    assert refused(named("METAL", "XAU"), named("METAL.m", "XAG")) is SkipReason.SYMBOL_UNMAPPED


def test_the_same_currencies_under_an_unrelated_name_are_no_candidate() -> None:
    assert refused(named("XAUUSD", "XAU"), named("GOLD", "XAU")) is SkipReason.SYMBOL_UNMAPPED


def test_a_pair_under_a_fancy_name_finds_its_decorated_twin() -> None:
    assert mapped(named("GOLD", "XAU"), named("GOLD.m", "XAU"))[0] == "GOLD.m"


def test_discovery_can_be_switched_off() -> None:
    rules = changed(SAME, suffix_discovery=False)
    assert refused(named("EURUSD"), named("EURUSDm"), rules=rules) is SkipReason.SYMBOL_UNMAPPED
    assert mapped(named("EURUSD"), named("EURUSD"), rules=rules)[1] is MappedBy.SAME_NAME


@pytest.mark.parametrize("leader", ["jp225", "JP225", "JP225.cash", "#JP225", "jp225."])
@pytest.mark.parametrize("follower", ["JP225m", "JP225Cash", "JP225_i", ".JP225", "Jp225"])
def test_an_index_is_known_by_its_bare_name(leader: str, follower: str) -> None:
    assert mapped(index(leader), index(follower), index("US30")) == (follower, MappedBy.DISCOVERED)


def test_an_index_without_currencies_is_known_by_its_bare_name() -> None:
    assert mapped(index("jp225", ""), index("JP225m", "JPY"))[0] == "JP225m"


def test_an_index_in_another_currency_is_another_instrument() -> None:
    assert refused(index("JP225", "JPY"), index("JP225m", "USD")) is SkipReason.SYMBOL_UNMAPPED


def test_an_index_whose_broker_gives_it_a_base_currency_is_still_found() -> None:
    assert mapped(index("jp225", "JPY"), named("JP225m", "USD", "JPY"))[0] == "JP225m"


@pytest.mark.parametrize(
    ("leader", "follower"),
    [("US50", "US500"), ("A", "AA"), ("BRK.B", "BRK.A"), ("USTEC", "USTECH"), ("MSFT", "MSFTX"), ("V", "VZ")],
)
def test_another_instrument_with_a_like_name_is_not_mistaken(leader: str, follower: str) -> None:
    assert refused(index(leader, "USD"), index(follower, "USD")) is SkipReason.SYMBOL_UNMAPPED


def test_a_leader_whose_catalogue_is_unknown_is_looked_up_by_name() -> None:
    assert mapped("eurusd.", named("EURUSDm"))[0] == "EURUSDm"
    assert refused("eurusd.", named("EURUSDm"), named("EURUSD.pro")) is SkipReason.SYMBOL_AMBIGUOUS


def test_excluded_symbols_are_not_copied_whatever_else_is_said() -> None:
    rules = changed(SAME, exclude_symbols=("eurusd",), symbols={"EURUSD": "EURUSD"})
    assert refused(named("EURUSD"), named("EURUSD"), rules=rules) is SkipReason.SYMBOL_EXCLUDED


def test_where_some_symbols_are_included_the_others_are_excluded() -> None:
    rules = changed(SAME, include_symbols=("EURUSD",))
    assert mapped(named("EURUSD"), named("EURUSD"), rules=rules)[0] == "EURUSD"
    assert refused(index("JP225"), index("JP225"), rules=rules) is SkipReason.SYMBOL_EXCLUDED


@pytest.mark.parametrize(
    ("mode", "buy", "sell"),
    [
        (TradeMode.FULL, True, True),
        (TradeMode.LONG_ONLY, True, False),
        (TradeMode.SHORT_ONLY, False, True),
        (TradeMode.CLOSE_ONLY, False, False),
        (TradeMode.DISABLED, False, False),
    ],
)
def test_the_trade_mode_says_which_side_may_be_opened(mode: TradeMode, buy: bool, sell: bool) -> None:
    spec = named("EURUSD", mode=mode)
    assert (opens(spec, Side.BUY), opens(spec, Side.SELL)) == (buy, sell)
