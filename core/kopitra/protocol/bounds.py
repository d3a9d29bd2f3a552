"""What every value of a message must satisfy beyond its type: lengths, magnitudes, places, time zones.

One walk over a decoded struct checks it and normalises it (times to UTC milliseconds, decimals to plain notation). The
walk is compiled once per type from msgspec's own description of it; the JSON Schemas are narrowed by the same figures.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import cache
from operator import is_
from typing import Any

import msgspec
from msgspec import inspect

from kopitra.protocol.limits import (
    MAX_DECIMAL_DIGITS,
    MAX_DECIMAL_PLACES,
    MAX_DURATION_MS,
    MAX_ID_LENGTH,
    MAX_PREVIEW_EVENTS,
    MAX_SYMBOL_LENGTH,
    MAX_TEXT_LENGTH,
    MAX_WHOLE_NUMBER,
)
from kopitra.protocol.messages import FieldError

Check = Callable[[Any], Any]
"""A value → the value, normalised. Raises OutOfBounds."""

FREE_TEXT = frozenset(
    {
        "message",
        "reason",
        "comment",
        "context",
        "label",
        "platform",
        "client_version",
        "address",
        "description",
    }
)
NON_NEGATIVE = frozenset(
    {
        "volume",
        "volume_after",
        "volume_before",
        "fill_volume",
        "fill_price",
        "target_volume",
        "age_ms",
        "ordinal",
        "part",
        "parts",
        "taken_at_ordinal",
        "applied_through",
        "digits",
        "contract_size",
        "volume_min",
        "volume_max",
        "volume_step",
        "stops_level",
        "freeze_level",
        "leverage",
        "last_events",
    }
)
POSITIVE = frozenset({"part", "parts", "volume_step", "contract_size"})
MAX_SYMBOL_DIGITS = 10
"""A point is 10**-digits; more places than a decimal of ours may have mean nothing."""
WHOLE_LIMITS = {
    "age_ms": MAX_DURATION_MS,
    "ping_ms": MAX_DURATION_MS,
    "digits": MAX_SYMBOL_DIGITS,
    "last_events": MAX_PREVIEW_EVENTS,
}

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
"""Room for arithmetic on both sides: no valid time makes an addition overflow."""
MAGNITUDE = Decimal(10) ** MAX_DECIMAL_DIGITS
ONE = Decimal(1)
MICROSECONDS_PER_MILLISECOND = 1000


PLAIN_DECIMAL_LENGTH = 12
"""A decimal of so few characters, all of them digits but one point, is within every bound."""


class OutOfBounds(Exception):
    """`problems`: the path below the value, and what is wrong there."""

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        super().__init__(problems)
        self.problems = problems

    def located(self, path: str) -> list[FieldError]:
        return [FieldError(path=path + below, message=message) for below, message in self.problems]


@cache
def checker(kind: type[Any]) -> Check:
    """The check of a struct type."""
    described = inspect.type_info(kind)
    return _check_of(described, "")


def text_limit(name: str) -> int:
    """Characters that the text field `name` may have."""
    if name == "symbol":
        return MAX_SYMBOL_LENGTH
    return MAX_TEXT_LENGTH if name in FREE_TEXT else MAX_ID_LENGTH


def _check_of(kind: inspect.Type, name: str) -> Check:
    if isinstance(kind, inspect.StructType):
        return _struct_check(kind)
    if isinstance(kind, inspect.UnionType):
        return _union_check(kind, name)
    if isinstance(kind, inspect.ListType | inspect.VarTupleType):
        return _list_check(_check_of(kind.item_type, name))
    if isinstance(kind, inspect.DictType):
        return _map_check(_check_of(kind.key_type, name), _check_of(kind.value_type, name))
    if isinstance(kind, inspect.StrType):
        return _text_check(text_limit(name))
    if isinstance(kind, inspect.IntType):
        return _whole_check(
            least=int(name in POSITIVE) if name in NON_NEGATIVE else -MAX_WHOLE_NUMBER,
            most=WHOLE_LIMITS.get(name, MAX_WHOLE_NUMBER),
        )
    if isinstance(kind, inspect.DecimalType):
        return _decimal_check(name in NON_NEGATIVE, name in POSITIVE)
    return _time_check if isinstance(kind, inspect.DateTimeType) else _unchecked


def _unchecked(value: Any) -> Any:
    return value


def _wrong(message: str) -> OutOfBounds:
    return OutOfBounds([("", message)])


def _struct_check(kind: inspect.StructType) -> Check:
    fields = [
        (field.name, "." + field.encode_name, check)
        for field in kind.fields
        if (check := _check_of(field.type, field.name)) is not _unchecked
    ]

    def check_struct(value: Any) -> Any:
        problems: list[tuple[str, str]] = []
        for name, suffix, check in fields:
            before = getattr(value, name)
            if before is None or before is msgspec.UNSET:
                continue
            try:
                after = check(before)
            except OutOfBounds as error:
                problems.extend((suffix + below, message) for below, message in error.problems)
            else:
                if after is not before:
                    msgspec.structs.force_setattr(value, name, after)
        if problems:
            raise OutOfBounds(problems)
        return value

    return check_struct


def _union_check(kind: inspect.UnionType, name: str) -> Check:
    """Unions here are optional values (None never comes here), tagged structs, and `text or whole number`."""
    members = [member for member in kind.types if not isinstance(member, inspect.NoneType)]
    if len(members) == 1:
        return _check_of(members[0], name)
    structs = [member for member in members if isinstance(member, inspect.StructType)]
    if structs:
        return _tagged_check(structs)
    text, whole = _text_check(text_limit(name)), _whole_check(-MAX_WHOLE_NUMBER, MAX_WHOLE_NUMBER)

    def check_either(value: Any) -> Any:
        return text(value) if isinstance(value, str) else whole(value)

    return check_either


def _tagged_check(members: Sequence[inspect.StructType]) -> Check:
    checks = {member.cls: _struct_check(member) for member in members}

    def check_tagged(value: Any) -> Any:
        return checks[type(value)](value)

    return check_tagged


def _list_check(check: Check) -> Check:
    if check is _unchecked:
        return _unchecked

    def check_list(value: Any) -> Any:
        problems: list[tuple[str, str]] = []
        checked: list[Any] = []
        for index, item in enumerate(value):
            try:
                checked.append(check(item))
            except OutOfBounds as error:
                problems.extend((f"[{index}]{below}", message) for below, message in error.problems)
        if problems:
            raise OutOfBounds(problems)
        return value if all(map(is_, checked, value)) else type(value)(checked)

    return check_list


def _map_check(key: Check, item: Check) -> Check:
    def check_map(value: Any) -> Any:
        for name, held in value.items():
            key(name)
            try:
                item(held)
            except OutOfBounds as error:
                raise OutOfBounds(
                    [(f".{name}{below}", message) for below, message in error.problems]
                ) from None
        return value

    return check_map


def _text_check(limit: int) -> Check:
    def check_text(value: Any) -> Any:
        if len(value) > limit:
            raise _wrong(f"longer than {limit} characters")
        return value

    return check_text


def _whole_check(least: int, most: int) -> Check:
    def check_whole(value: Any) -> Any:
        if not least <= value <= most:
            raise _wrong(f"must be from {least} to {most}")
        return value

    return check_whole


def _decimal_check(non_negative: bool, positive: bool) -> Check:
    def check_decimal(value: Any) -> Any:
        text = str(value)
        plain = len(text) <= PLAIN_DECIMAL_LENGTH and text.replace(".", "", 1).isdigit()
        if not plain:
            value = _judged(value, non_negative)
        if positive and not value:
            raise _wrong("must be above zero")
        return value

    return check_decimal


def _judged(value: Decimal, non_negative: bool) -> Decimal:
    """The value without exponent and without a minus before zero. Raises OutOfBounds."""
    try:
        if not -MAGNITUDE < value < MAGNITUDE:
            raise _wrong(f"must have at most {MAX_DECIMAL_DIGITS} digits before the point")
    except InvalidOperation:
        raise _wrong("is not a number") from None
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int), "comparisons have sorted out what is no number"
    if exponent < -MAX_DECIMAL_PLACES:
        raise _wrong(f"must have at most {MAX_DECIMAL_PLACES} decimal places")
    if value.is_signed():
        if not value:
            value = value.copy_abs()
        elif non_negative:
            raise _wrong("must not be negative")
    return value.quantize(ONE) if exponent > 0 else value


def _time_check(value: Any) -> Any:
    if value.tzinfo is None:
        raise _wrong("needs a time zone, for example 2026-01-05T00:00:00.000Z")
    if not EARLIEST <= value <= LATEST:
        raise _wrong(f"must be from {EARLIEST.year} to {LATEST.year}")
    excess = value.microsecond % MICROSECONDS_PER_MILLISECOND
    if value.tzinfo is not UTC:
        value = value.astimezone(UTC)
    return value - timedelta(microseconds=excess) if excess else value
