"""What every value of a message must satisfy beyond its type: lengths, magnitudes, places, time zones.

One walk over a decoded struct checks it and normalises it (times to UTC milliseconds, decimals to plain notation). The
walk is compiled once per type from msgspec's own description of it; the JSON Schemas are narrowed by the same figures.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any

import msgspec
from msgspec import inspect

from kopitra.protocol.limits import (
    MAX_DECIMAL_DIGITS,
    MAX_DECIMAL_PLACES,
    MAX_DURATION_MS,
    MAX_ID_LENGTH,
    MAX_SYMBOL_LENGTH,
    MAX_TEXT_LENGTH,
    MAX_WHOLE_NUMBER,
)
from kopitra.protocol.messages import FieldError

Check = Callable[[Any, str, list[FieldError]], Any]
"""(value, its JSON path, errors found so far) → the value, normalised."""

FREE_TEXT = frozenset({"message", "reason", "comment", "context", "label", "platform", "client_version"})
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
    }
)
POSITIVE = frozenset({"part", "parts", "volume_step", "contract_size"})
MAX_SYMBOL_DIGITS = 10
"""A point is 10**-digits; more places than a decimal of ours may have mean nothing."""
WHOLE_LIMITS = {"age_ms": MAX_DURATION_MS, "ping_ms": MAX_DURATION_MS, "digits": MAX_SYMBOL_DIGITS}

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
"""Room for arithmetic on both sides: no valid time makes an addition overflow."""
MAGNITUDE = Decimal(10) ** MAX_DECIMAL_DIGITS
MILLISECOND = timedelta(milliseconds=1)
MICROSECONDS_PER_MILLISECOND = 1000


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


def _unchecked(value: Any, path: str, errors: list[FieldError]) -> Any:
    return value


def _struct_check(kind: inspect.StructType) -> Check:
    fields = [
        (field.name, "." + field.encode_name, check)
        for field in kind.fields
        if (check := _check_of(field.type, field.name)) is not _unchecked
    ]

    def check_struct(value: Any, path: str, errors: list[FieldError]) -> Any:
        for name, suffix, check in fields:
            before = getattr(value, name)
            after = check(before, path + suffix, errors)
            if after is not before:
                msgspec.structs.force_setattr(value, name, after)
        return value

    return check_struct


def _union_check(kind: inspect.UnionType, name: str) -> Check:
    """Unions here are optional values and `text or whole number`."""
    members = [member for member in kind.types if not isinstance(member, inspect.NoneType)]
    if len(members) == 1:
        return _optional_check(_check_of(members[0], name))
    text, whole = _text_check(text_limit(name)), _whole_check(-MAX_WHOLE_NUMBER, MAX_WHOLE_NUMBER)

    def check_either(value: Any, path: str, errors: list[FieldError]) -> Any:
        if isinstance(value, str):
            return text(value, path, errors)
        return whole(value, path, errors) if isinstance(value, int) else value

    return check_either


def _optional_check(check: Check) -> Check:
    def check_optional(value: Any, path: str, errors: list[FieldError]) -> Any:
        return None if value is None else check(value, path, errors)

    return check_optional


def _list_check(check: Check) -> Check:
    if check is _unchecked:
        return _unchecked

    def check_list(value: Any, path: str, errors: list[FieldError]) -> Any:
        changed = [check(item, f"{path}[{index}]", errors) for index, item in enumerate(value)]
        same = all(map(lambda a, b: a is b, changed, value))
        return value if same else type(value)(changed)

    return check_list


def _map_check(key: Check, item: Check) -> Check:
    def check_map(value: Any, path: str, errors: list[FieldError]) -> Any:
        for name, held in value.items():
            key(name, path, errors)
            item(held, f"{path}.{name[:MAX_SYMBOL_LENGTH]}", errors)
        return value

    return check_map


def _text_check(limit: int) -> Check:
    def check_text(value: Any, path: str, errors: list[FieldError]) -> Any:
        if len(value) > limit:
            errors.append(FieldError(path=path, message=f"longer than {limit} characters"))
        return value

    return check_text


def _whole_check(least: int, most: int) -> Check:
    def check_whole(value: Any, path: str, errors: list[FieldError]) -> Any:
        if not least <= value <= most:
            errors.append(FieldError(path=path, message=f"must be from {least} to {most}"))
        return value

    return check_whole


def _decimal_check(non_negative: bool, positive: bool) -> Check:
    def check_decimal(value: Any, path: str, errors: list[FieldError]) -> Any:
        problem = _decimal_problem(value, non_negative, positive)
        if problem is not None:
            errors.append(FieldError(path=path, message=problem))
            return value
        if value.is_zero() and value.is_signed():
            value = value.copy_abs()
        return value.quantize(Decimal(1)) if value.as_tuple().exponent > 0 else value

    return check_decimal


def _decimal_problem(value: Decimal, non_negative: bool, positive: bool) -> str | None:
    try:
        if not -MAGNITUDE < value < MAGNITUDE:
            return f"must have at most {MAX_DECIMAL_DIGITS} digits before the point"
    except InvalidOperation:
        return "is not a number"
    places = value.as_tuple().exponent
    if isinstance(places, int) and places < -MAX_DECIMAL_PLACES:
        return f"must have at most {MAX_DECIMAL_PLACES} decimal places"
    if value.is_signed() and value and non_negative:
        return "must not be negative"
    return "must be above zero" if positive and not value else None


def _time_check(value: Any, path: str, errors: list[FieldError]) -> Any:
    if value.tzinfo is None:
        errors.append(
            FieldError(path=path, message="needs a time zone, for example 2026-01-05T00:00:00.000Z")
        )
        return value
    if not EARLIEST <= value <= LATEST:
        errors.append(FieldError(path=path, message=f"must be from {EARLIEST.year} to {LATEST.year}"))
        return value
    excess = value.microsecond % MICROSECONDS_PER_MILLISECOND
    if value.tzinfo is not UTC:
        value = value.astimezone(UTC)
    return value - timedelta(microseconds=excess) if excess else value
