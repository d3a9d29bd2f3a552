"""Which settings of a subscription are accepted, and what is said of the others."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from kopitra.domain.rule_checks import MAX_OPEN_TTL_SECONDS, Problem, read_rules, validate
from kopitra.domain.rules import CopyRules, Remainder, StaleBalance
from kopitra.domain.sizing_modes import BalanceRatio, ByMultiplier, FixedVolume, SameVolume, Sizing, mode_of


def problems(raw: dict[str, Any]) -> list[Problem]:
    found = read_rules({"sizing": {"mode": "same_volume"}} | raw)
    assert isinstance(found, list), found
    return found


def accepted(raw: dict[str, Any]) -> CopyRules:
    found = read_rules(raw)
    assert isinstance(found, CopyRules), found
    return found


def test_a_mode_is_all_that_must_be_said() -> None:
    rules = accepted({"sizing": {"mode": "same_volume"}})
    assert rules == CopyRules(sizing=SameVolume())
    assert rules.multiplier == 1
    assert rules.stale_balance is StaleBalance.SKIP
    assert rules.remainder is Remainder.CLOSE_ALL
    assert rules.open_ttl_seconds == 60


@pytest.mark.parametrize("number", [0.1, "0.1", "0.10"])
def test_numbers_may_be_numbers_or_strings(number: object) -> None:
    raw = msgspec.json.decode(msgspec.json.encode({"sizing": {"mode": "fixed_volume", "volume": number}}))
    assert accepted(raw).sizing == FixedVolume(Decimal("0.1"))


def test_an_unknown_mode_is_refused_with_the_known_ones() -> None:
    assert problems({"sizing": {"mode": "martingale"}}) == [
        Problem(
            "sizing.mode",
            "Invalid value 'martingale'; known are balance_ratio, contract_size, equity_ratio, expression, "
            "fixed_leverage, fixed_risk, fixed_volume, free_margin_ratio, multiplier, same_volume",
        )
    ]


def test_a_fixed_volume_needs_its_volume() -> None:
    assert problems({"sizing": {"mode": "fixed_volume"}}) == [
        Problem("sizing", "Object missing required field `volume`")
    ]


@pytest.mark.parametrize(
    "raw", [{"maxVolme": "1"}, {"max_volume": "1"}, {"sizing": {"mode": "same_volume", "volume": "1"}}]
)
def test_a_setting_that_does_not_exist_is_refused_not_ignored(raw: dict[str, Any]) -> None:
    [problem] = problems(raw)
    assert problem.message.startswith("Object contains unknown field")


@pytest.mark.parametrize(
    ("raw", "path", "message"),
    [
        ({"multiplier": "0"}, "multiplier", "must be above zero"),
        ({"multiplier": "-1"}, "multiplier", "must be above zero"),
        ({"multiplier": "NaN"}, "multiplier", "must be a number"),
        ({"multiplier": "Infinity"}, "multiplier", "must be a number"),
        ({"sizing": {"mode": "fixed_volume", "volume": "0"}}, "sizing.volume", "must be above zero"),
        ({"minVolume": "-0.01"}, "minVolume", "must not be negative"),
        ({"maxVolume": "0"}, "maxVolume", "must be above zero"),
        ({"minVolume": "2", "maxVolume": "1"}, "maxVolume", "must not be below minVolume (2)"),
        ({"openTtlSeconds": 0}, "openTtlSeconds", f"must be from 1 to {MAX_OPEN_TTL_SECONDS}"),
        ({"openTtlSeconds": 90_000}, "openTtlSeconds", f"must be from 1 to {MAX_OPEN_TTL_SECONDS}"),
        ({"maxDrift": "-1"}, "maxDrift", "must not be negative"),
        ({"maxDeviation": "sNaN"}, "maxDeviation", "must be a number"),
        ({"symbols": {"": "EURUSD"}}, "symbols.", "a symbol's name must not be empty"),
        ({"symbols": {"EURUSD": " "}}, "symbols.EURUSD", "a symbol's name must not be empty"),
        ({"symbols": {"EURUSD": "A", "eurusd": "B"}}, "symbols.eurusd", "differs from EURUSD only by case"),
        (
            {"includeSymbols": ["EURUSD"], "excludeSymbols": ["GBPUSD", "eurusd"]},
            "excludeSymbols[1]",
            "eurusd is also included",
        ),
        ({"maxRiskMultiple": "0.9"}, "maxRiskMultiple", "must be a number from 1"),
        ({"maxRiskMultiple": "NaN"}, "maxRiskMultiple", "must be a number from 1"),
        ({"sizing": {"mode": "fixed_risk", "fraction": "0"}}, "sizing.fraction", "must be above zero"),
        (
            {"sizing": {"mode": "fixed_risk", "fraction": "1.01"}},
            "sizing.fraction",
            "must not be above 1, which is everything",
        ),
        (
            {"sizing": {"mode": "fixed_risk", "fraction": "0.01"}, "copyStopLoss": False},
            "copyStopLoss",
            "fixed_risk needs the copy's own stop loss",
        ),
        ({"sizing": {"mode": "fixed_leverage", "leverage": "-2"}}, "sizing.leverage", "must be above zero"),
        (
            {"sizing": {"mode": "expression", "expression": "2 * leader_volume.real"}},
            "sizing.expression",
            "at character 18: '.' does not belong here",
        ),
        (
            {"includeMagics": [1, 2], "excludeMagics": [3, 2]},
            "excludeMagics[1]",
            "2 is also included",
        ),
        ({"includeMagics": list(range(1001))}, "includeMagics", "must not name more than 1000"),
        ({"maxStopDistance": "0"}, "maxStopDistance", "must be above zero"),
        (
            {"schedule": [{"start": "08:00", "end": "17:00"}, {"start": "8:00", "end": "17:00"}]},
            "schedule[1].start",
            "8:00 is no time of day; write HH:MM, from 00:00 to 23:59",
        ),
        (
            {"schedule": [{"start": "08:00", "end": "17:00", "timezone": "Athens"}]},
            "schedule[0].timezone",
            "Athens is no time zone; write an IANA name, for example Europe/Athens",
        ),
        (
            {"schedule": [{"start": "08:00", "end": "17:00"}] * 51},
            "schedule",
            "must not have more than 50 windows",
        ),
        (
            {"delaySeconds": 60},
            "delaySeconds",
            "must be from 0 to less than openTtlSeconds (60): a delayed open ages on",
        ),
        (
            {"delaySeconds": -1},
            "delaySeconds",
            "must be from 0 to less than openTtlSeconds (60): a delayed open ages on",
        ),
        ({"leaderSilenceSeconds": 5}, "leaderSilenceSeconds", "must be from 30 to 604800"),
        (
            {"leaderSilenceCloseSeconds": 60},
            "leaderSilenceCloseSeconds",
            "must be above leaderSilenceSeconds (60) and at most 604800",
        ),
    ],
)
def test_a_bad_value_is_refused_where_it_stands(raw: dict[str, Any], path: str, message: str) -> None:
    assert problems(raw) == [Problem(path, message)]


def test_a_maximum_may_equal_the_minimum() -> None:
    raw = {"sizing": {"mode": "same_volume"}, "minVolume": "0.10", "maxVolume": "0.1"}
    assert accepted(raw).max_volume == Decimal("0.10")


def test_all_bad_values_are_told_at_once() -> None:
    found = problems({"multiplier": 0, "minVolume": -1, "openTtlSeconds": -5, "maxStopDistance": -1})
    assert [p.path for p in found] == ["multiplier", "minVolume", "maxStopDistance", "openTtlSeconds"]


def test_every_setting_at_its_best_is_accepted() -> None:
    raw = {
        "sizing": {"mode": "expression", "expression": "leader_volume * equity / leader_equity"},
        "maxRiskMultiple": 1,
        "sides": ["buy"],
        "includeMagics": [7],
        "excludeMagics": [8],
        "maxStopDistance": "0.01",
        "schedule": [{"start": "22:00", "end": "06:00", "days": ["sunday"], "timezone": "America/New_York"}],
        "delaySeconds": 59,
        "leaderSilenceSeconds": 30,
        "leaderSilenceCloseSeconds": 31,
    }
    assert accepted(raw).delay_seconds == 59


def test_rules_in_a_journal_come_back_as_they_were() -> None:
    rules = CopyRules(
        sizing=FixedVolume(Decimal("0.20")),
        symbols={"XAUUSD": "GOLD"},
        max_drift=Decimal("0.0003"),
        reverse=True,
    )
    assert msgspec.json.decode(msgspec.json.encode(rules), type=CopyRules) == rules
    assert validate(rules) == []


def test_the_defaults_are_not_written_out() -> None:
    assert msgspec.json.encode(CopyRules(sizing=BalanceRatio())) == b'{"sizing":{"mode":"balance_ratio"}}'


@pytest.mark.parametrize(
    "sizing",
    [SameVolume(), ByMultiplier(), FixedVolume(Decimal(1)), BalanceRatio()],
    ids=lambda s: type(s).__name__,
)
def test_a_modes_name_is_the_one_on_the_wire(sizing: Sizing) -> None:
    assert msgspec.json.decode(msgspec.json.encode(sizing))["mode"] == mode_of(sizing)
