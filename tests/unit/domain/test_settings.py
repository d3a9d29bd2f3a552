"""Which setting applies: the last layer that sets it, symbol by symbol; and who set it can be told."""

from decimal import Decimal
from typing import Any, get_args, get_type_hints

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UnsetType

from kopitra.domain.orders import Side
from kopitra.domain.rules import CopyRules, LateJoin, Remainder, TradingWindow, Unsubscribe
from kopitra.domain.settings import (
    NAMES,
    SIZING_MISSING,
    WIRE_NAMES,
    CopySettings,
    Effective,
    Layer,
    effective,
    layer_of,
    read_settings,
    rules_of,
    set_in,
)
from kopitra.domain.sizing_modes import BalanceRatio, FixedVolume, SameVolume

ORDER = (Layer.PLATFORM, Layer.GROUP, Layer.SUBSCRIPTION, Layer.FOLLOWER)
VALUES: dict[str, tuple[Any, ...]] = {
    "sizing": (SameVolume(), BalanceRatio(), FixedVolume(volume=Decimal("0.1"))),
    "multiplier": (Decimal(1), Decimal(2)),
    "max_volume": (None, Decimal(3), Decimal(4)),
    "include_symbols": ((), ("EURUSD",)),
    "sides": ((), (Side.BUY,)),
    "schedule": ((), (TradingWindow(start="08:00", end="16:00"),)),
    "reverse": (False, True),
    "remainder": tuple(Remainder),
    "unsubscribe": tuple(Unsubscribe),
    "late_join": tuple(LateJoin),
    "open_ttl_seconds": (30, 60, 90),
}
"""A few values of every kind of setting; defaults among them, because setting a default is setting it."""


def settings() -> st.SearchStrategy[CopySettings]:
    optional = {name: st.sampled_from(values) for name, values in VALUES.items()}
    return st.fixed_dictionaries({}, optional=optional).map(lambda given: CopySettings(**given))


def test_layers_and_rules_have_the_same_fields_of_the_same_types() -> None:
    ours, theirs = get_type_hints(CopySettings), get_type_hints(CopyRules)
    assert list(ours) == list(theirs) == list(NAMES)
    for name, kind in ours.items():
        members = set(get_args(kind))
        assert UnsetType in members, name
        wanted = theirs[name]
        assert members - {UnsetType} == (set(get_args(wanted)) if _is_union(wanted) else {wanted}), name
    assert CopySettings.__struct_encode_fields__ == CopyRules.__struct_encode_fields__


def _is_union(kind: Any) -> bool:
    return not isinstance(kind, type) and not hasattr(kind, "__origin__") and bool(get_args(kind))


@given(layers=st.lists(settings(), min_size=4, max_size=4))
def test_the_value_in_force_is_that_of_the_last_layer_that_sets_it(layers: list[CopySettings]) -> None:
    found = effective(list(zip(ORDER, layers, strict=True)))
    default = CopyRules(sizing=found.rules.sizing)
    for name in NAMES:
        setting = [layer for layer, held in zip(ORDER, layers, strict=True) if name in set_in(held)]
        assert found.origins.get(WIRE_NAMES[name], Layer.DEFAULT) == (setting[-1] if setting else "default")
        if setting:
            assert getattr(found.rules, name) == getattr(layers[ORDER.index(setting[-1])], name)
        elif name != "sizing":
            assert getattr(found.rules, name) == getattr(default, name)


@given(layers=st.lists(settings(), min_size=4, max_size=4))
def test_merging_alone_gives_the_rules_that_are_explained(layers: list[CopySettings]) -> None:
    named = list(zip(ORDER, layers, strict=True))
    assert rules_of(named) == effective(named).rules


def merged(*symbols: dict[str, str]) -> Effective:
    layers = [CopySettings(symbols=each) for each in symbols]
    return effective([(Layer.PLATFORM, CopySettings(sizing=SameVolume())), *zip(ORDER, layers, strict=False)])


def test_symbols_are_merged_name_by_name() -> None:
    found = merged({"EURUSD": "EURUSD.a", "XAUUSD": "GOLD"}, {"XAUUSD": "XAUUSD.a"}, {"US30": "DJ30"})
    assert found.rules.symbols == {"EURUSD": "EURUSD.a", "XAUUSD": "XAUUSD.a", "US30": "DJ30"}
    assert found.origin("symbols.EURUSD") is Layer.PLATFORM
    assert found.origin("symbols.XAUUSD") is Layer.GROUP
    assert found.origin("symbols.US30") is Layer.SUBSCRIPTION


def test_a_later_layer_replaces_a_symbol_however_either_is_spelled() -> None:
    found = merged({"xauusd": "GOLD"}, {"XAUUSD": "XAUUSD.a"})
    assert found.rules.symbols == {"XAUUSD": "XAUUSD.a"}
    assert found.problems == ()


def test_one_layer_that_maps_a_symbol_twice_is_still_refused() -> None:
    found = merged({"xauusd": "GOLD", "XAUUSD": "XAUUSD.a"})
    assert [problem.path for problem in found.problems] == ["symbols.XAUUSD"]


def test_a_sizing_that_nobody_sets_is_a_problem_and_sizes_nothing() -> None:
    found = effective([(Layer.PLATFORM, CopySettings(reverse=True))])
    assert found.problems == (SIZING_MISSING,)
    assert found.rules.sizing == FixedVolume(volume=Decimal(0))


def test_a_missing_sizing_hides_no_other_problem() -> None:
    clashing = CopySettings(min_volume=Decimal(2), max_volume=Decimal(1))
    problems = effective([(Layer.GROUP, clashing)]).problems
    assert [problem.path for problem in problems] == ["sizing", "maxVolume"]


def test_values_that_only_clash_together_are_a_problem_of_the_whole() -> None:
    wide, narrow = (
        CopySettings(sizing=SameVolume(), min_volume=Decimal(2)),
        CopySettings(max_volume=Decimal(1)),
    )
    assert effective([(Layer.PLATFORM, wide)]).problems == ()
    found = effective([(Layer.PLATFORM, wide), (Layer.FOLLOWER, narrow)])
    assert [problem.path for problem in found.problems] == ["maxVolume"]
    assert found.origin("maxVolume") is Layer.FOLLOWER


def test_an_origin_is_found_for_what_lies_inside_a_setting() -> None:
    found = effective([(Layer.GROUP, CopySettings(sizing=FixedVolume(volume=Decimal(0))))])
    assert [problem.path for problem in found.problems] == ["sizing.volume"]
    assert found.origin("sizing.volume") is Layer.GROUP


def test_none_can_be_set_over_a_limit() -> None:
    layers = [
        (Layer.PLATFORM, CopySettings(sizing=SameVolume(), max_volume=Decimal(1))),
        (Layer.FOLLOWER, CopySettings(max_volume=None)),
    ]
    assert rules_of(layers).max_volume is None


@given(held=settings())
def test_a_layer_survives_its_journey_as_json(held: CopySettings) -> None:
    assert msgspec.json.decode(msgspec.json.encode(held), type=CopySettings) == held


def test_rules_as_one_layer_give_the_same_rules() -> None:
    rules = CopyRules(sizing=SameVolume(), reverse=True, symbols={"A": "B"}, max_volume=Decimal(2))
    layer = layer_of(rules)
    assert set(set_in(layer)) == {"sizing", "reverse", "symbols", "max_volume"}
    assert rules_of([(Layer.SUBSCRIPTION, layer)]) == rules


@pytest.mark.parametrize(
    ("raw", "path"),
    [({"reverse": "yes"}, "reverse"), ({"sizing": {"mode": "much"}}, "sizing.mode"), ({"x": 1}, "")],
)
def test_what_is_no_layer_is_refused_with_its_place(raw: object, path: str) -> None:
    found = read_settings(raw)
    assert isinstance(found, list)
    assert [problem.path for problem in found] == [path]
