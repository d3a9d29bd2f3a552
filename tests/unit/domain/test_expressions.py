"""The language of volumes: what it can say, what it refuses and where, and that nothing gets out of it."""

import ast
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kopitra.domain.expressions import (
    INPUTS,
    MOST_CHARACTERS,
    MOST_DEPTH,
    MOST_NODES,
    Expression,
    Mistake,
    parse,
)

VALUES = {name: Decimal(number) for number, name in enumerate(sorted(INPUTS), start=1)}


def read(text: str) -> Expression:
    found = parse(text)
    assert isinstance(found, Expression), found
    return found


def value(text: str, **values: str) -> Decimal | None:
    return read(text).value(VALUES | {name: Decimal(number) for name, number in values.items()})


def mistake(text: str) -> Mistake:
    found = parse(text)
    assert isinstance(found, Mistake), found
    return found


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("0.1", "0.1"),
        ("0.1 + 0.2", "0.3"),
        ("  leader_volume\n * equity\t/ leader_equity ", "0.6"),
        ("-leader_volume", "-2"),
        ("+leader_volume", "2"),
        ("7 // 2 + 7 % 2", "4"),
        ("-7 // 2", "-3"),
        ("1 + 2 * 3 - 4 / 8", "6.5"),
        ("min(3, 1, 2) + max(1, 2)", "3"),
        ("abs(1 - 3) + floor(1.9) + floor(-0.1)", "2"),
        ("1 if price < 2000 else 0", "0"),
        ("1 if price >= 2000 and not equity == 4 else 0", "1"),
        ("1 if price < 1 or 0 < equity <= 3 else 0", "1"),
        ("5. + .5", "5.5"),
    ],
)
def test_it_calculates_with_decimals(text: str, result: str) -> None:
    assert value(text, leader_volume="2", equity="3", leader_equity="10", price="2000") == Decimal(result)


def test_the_inputs_that_it_mentions_are_known_before_it_is_calculated() -> None:
    assert read("equity / leader_equity if price > 1 else leader_volume").names == (
        "equity",
        "leader_equity",
        "leader_volume",
        "price",
    )


@pytest.mark.parametrize("text", ["1 / 0", "1 % 0", "1 // 0", "leader_volume / (price - price)"])
def test_a_division_by_zero_gives_no_value(text: str) -> None:
    assert value(text) is None


def test_a_number_beyond_reason_gives_no_value() -> None:
    assert value(" * ".join(["price"] * 10), price="1E+900") is None
    assert value("price // 0.0001", price="1E+900") is None


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("", 1, "is not an expression"),
        ("1 +* 2", 4, "is not an expression"),
        ("(1", 1, "is not an expression"),
        ("leader_volume ** 2", 1, "only + - * / // and % calculate"),
        ("1 + leader_volume.real", 18, "'.' does not belong here"),
        ("price[0]", 6, "'[' does not belong here"),
        ("'a'", 1, '"\'" does not belong here'),
        ("1e5", 1, "'1' does not belong here"),
        ("0x10", 1, "'0' does not belong here"),
        ("a := 1", 3, "':' does not belong here"),
        ("price & 1", 7, "'&' does not belong here"),
        ("2 * True", 5, "True is no number"),
        ("2 * min", 5, "min is a function"),
        ("open(1)", 1, "open is unknown; known are"),
        ("2 * (price)(1)", 5, "the functions are abs, floor, max, min"),
        ("min(1)", 1, "min takes 2 arguments or more"),
        ("abs(1, 2)", 1, "abs takes 1 argument"),
        ("max(1, *price)", 8, "a number is wanted here"),
        ("1 + (price > 2)", 6, "a number is wanted here"),
        ("1 if price else 2", 6, "a comparison is wanted here"),
        ("price and 1", 1, "a number is wanted here"),
        ("1 if price is 2 else 3", 6, "numbers are compared with"),
        ("1 if price in price else 3", 6, "numbers are compared with"),
        ("(1, 2)", 1, "a number is wanted here"),
        ("2 * volume", 5, "volume is unknown; known are balance, contract_ratio"),
    ],
)
def test_a_mistake_is_told_with_its_position(text: str, position: int, message: str) -> None:
    found = mistake(text)
    assert found.message.startswith(message)
    assert found.position == position


def test_length_parts_and_depth_are_limited() -> None:
    assert "characters" in mistake("1" * (MOST_CHARACTERS + 1)).message
    assert "parts" in mistake("max(" + ", ".join(["1"] * MOST_NODES) + ")").message
    assert value("max(" + ", ".join(["1"] * (MOST_NODES - 2)) + ")") == 1
    assert "deep" in mistake("-" * MOST_DEPTH + "1").message
    assert value("-" * (MOST_DEPTH - 1) + "1") == -1
    assert "deep" in mistake("-" * (MOST_CHARACTERS - 1) + "1").message
    assert isinstance(parse("(" * 249 + "1" + ")" * 249), Mistake)


def test_a_text_is_parsed_once() -> None:
    assert parse("leader_volume * 0.123") is parse("leader_volume * 0.123")


KEYWORDS = "min max abs floor if else and or not lambda for in is await".split()
SIGNS = "( ) ( ) , + - * / // % < <= == != ** . [ ] { } : = 0 1 0.5 2e9 1_0 'x' \" @ ~ ; \\ \x00 \n é".split(
    " "
)
words = st.sampled_from([*sorted(INPUTS), *KEYWORDS, *SIGNS])
texts = st.one_of(st.text(max_size=60), st.lists(words, max_size=40).map(" ".join))
numbers = st.decimals(allow_nan=False, allow_infinity=False, places=5)


@given(texts, st.lists(numbers, min_size=len(INPUTS), max_size=len(INPUTS)))
@example("__import__('os').system('true')", [Decimal(0)] * len(INPUTS))
@example("price.__class__.__mro__", [Decimal(0)] * len(INPUTS))
def test_no_text_raises_or_gives_anything_but_a_decimal(text: str, values: list[Decimal]) -> None:
    found = parse(text)
    if isinstance(found, Expression):
        result = found.value(dict(zip(sorted(INPUTS), values, strict=True)))
        assert result is None or (isinstance(result, Decimal) and result.is_finite())
    else:
        assert 1 <= found.position <= len(text) + 1 or not text.strip()


@st.composite
def formulas(draw: st.DrawFn, depth: int = 4) -> str:
    if depth == 0 or draw(st.booleans()):
        return draw(st.one_of(st.sampled_from(sorted(INPUTS)), st.integers(0, 99).map(str)))
    left, right = draw(formulas(depth - 1)), draw(formulas(depth - 1))
    match draw(st.integers(0, 4)):
        case 0:
            return f"({left} {draw(st.sampled_from(['+', '-', '*']))} {right})"
        case 1:
            return f"{draw(st.sampled_from(['min', 'max']))}({left}, {right})"
        case 2:
            return f"abs({left})"
        case 3:
            test = f"{left} {draw(st.sampled_from(['<', '>=', '==', '!=']))} {right}"
            return f"({left} if {test} and not ({test}) or {test} else {right})"
        case _:
            return f"-{left}"


@given(formulas())
def test_it_means_what_the_same_text_means_in_python(text: str) -> None:
    if len(text) > MOST_CHARACTERS or isinstance(parse(text), Mistake):
        return
    names: dict[str, Any] = {"min": min, "max": max, "abs": abs, "__builtins__": {}}
    names |= {name: Fraction(number) for name, number in VALUES.items()}
    wanted = eval(compile(ast.parse(text, mode="eval"), "formula", "eval"), names)
    result = value(text)
    assert result is not None
    assert abs(Fraction(result) - wanted) <= abs(Fraction(wanted)) / 10**24
