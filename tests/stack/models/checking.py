"""Compare what Pulumi would send with what Azure's clients know: a sentence for each difference."""

import datetime as dt
import re
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from enum import Enum
from typing import Any, cast

from tests.stack.azure import PLACES
from tests.stack.models.bodies import BODIES, BY_HAND
from tests.stack.models.shapes import Field, Model, fields_of, is_model, model, variant_of, without_none
from tests.stack.monitor import UNKNOWN, Captured

NUMBERS: Mapping[type, tuple[type, ...]] = {int: (int,), float: (int, float), Decimal: (int, float)}
TIMES: Mapping[type, re.Pattern[str]] = {
    dt.timedelta: re.compile(r"P(?=.)(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+S)?)?"),
    dt.datetime: re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"),
}


def complaints(resource: Captured) -> list[str]:
    """About one resource, secrets opened; empty where all is well."""
    path = BODIES[resource.kind] if resource.kind in BODIES else BY_HAND[resource.kind][0]
    parameters = PLACES[resource.kind].parameters
    body = {key: value for key, value in resource.plain().items() if key not in parameters}
    missing = sorted(parameters - resource.inputs.keys())
    return [
        *(f"{resource.name}: {name} is missing, which its address needs" for name in missing),
        *(f"{resource.name}: {problem}" for problem in _of_model(model(path), body, "")),
    ]


def _of_model(made: Model, body: Mapping[str, Any], at: str) -> Iterator[str]:
    made = variant_of(made, body)
    known = fields_of(made)
    given: set[Field] = set()
    for key, value in body.items():
        field = _named(known, key)
        if field is None:
            yield f"{at}{key} is no property of {made.__name__}"
            continue
        given.add(field)
        if field.read_only:
            yield f"{at}{key} is Azure's to say"
        else:
            yield from _of_value(field, value, f"{at}{key}")
    within = {field for field in known if field.flattened}
    for field in known:
        needed = field.required and not field.read_only and (not field.flattened or bool(within & given))
        if needed and field not in given and not _holds(field, within, given):
            yield f"{at}{min(field.aliases, key=len)} is missing, which {made.__name__} requires"


def _named(known: Sequence[Field], key: str) -> Field | None:
    """An own field before one of `properties`: both may have a `kind`."""
    found = sorted((field for field in known if key in field.aliases), key=lambda field: field.flattened)
    writable = [field for field in found if not field.read_only]
    return next(iter(writable or found), None)


def _holds(field: Field, within: set[Field], given: set[Field]) -> bool:
    """Whether it is `properties`, whose contents are given on the level above, or one of those when it is given."""
    holder = "properties" in field.aliases
    return (holder and bool(within & given)) or (
        field.flattened and any("properties" in each.aliases for each in given)
    )


def _of_value(field: Field, value: Any, at: str) -> Iterator[str]:
    yield from _of_hint(field.hint, value, at)
    for name, limit in field.limits.items():
        if value is not UNKNOWN and not _within(name, limit, value):
            yield f"{at} is {value!r}, outside of {name} {limit}"


def _of_hint(hint: Any, value: Any, at: str) -> Iterator[str]:
    hint = without_none(hint)
    if hint is Any or hint is object or value is UNKNOWN:
        return
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if isinstance(hint, types.UnionType) or origin is typing.Union:
        yield from _of_union([each for each in arguments if each is not type(None)], value, at)
    elif origin is typing.Literal:
        yield from _of_choice(arguments, value, at)
    elif origin in (list, Sequence):
        yield from _of_list(arguments[0], value, at)
    elif is_model(hint) or origin in (dict, Mapping):
        yield from _of_object(hint, value, at)
    else:
        yield from _of_scalar(hint, value, at)


def _of_list(hint: Any, value: Any, at: str) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{at} is {_kind(value)}, not a list"
        return
    for index, inner in enumerate(cast("list[Any]", value)):
        yield from _of_hint(hint, inner, f"{at}[{index}]")


def _of_object(hint: Any, value: Any, at: str) -> Iterator[str]:
    """A model's, or one with names of anybody's choice."""
    if not isinstance(value, dict):
        yield f"{at} is {_kind(value)}, not an object"
    elif is_model(hint):
        yield from _of_model(hint, cast("dict[str, Any]", value), f"{at}.")
    else:
        for key, inner in cast("dict[str, Any]", value).items():
            yield from _of_hint(typing.get_args(hint)[1], inner, f"{at}.{key}")


def _of_choice(allowed: Sequence[Any], value: Any, at: str) -> Iterator[str]:
    if value not in allowed:
        yield f"{at} is {value!r}, not one of {', '.join(map(str, allowed))}"


def _of_union(arguments: list[Any], value: Any, at: str) -> Iterator[str]:
    """Text or an enum: only what the enum knows, which is what Azure would take."""
    enums = [each for each in arguments if isinstance(each, type) and issubclass(each, Enum)]
    if enums:
        yield from _of_choice([member.value for enum in enums for member in enum], value, at)
        return
    problems = [list(_of_hint(each, value, at)) for each in arguments]
    if all(problems):
        yield problems[0][0]


def _of_scalar(hint: Any, value: Any, at: str) -> Iterator[str]:
    if isinstance(hint, type) and issubclass(hint, Enum):
        yield from _of_union([hint], value, at)
    elif hint is str:
        if not isinstance(value, str):
            yield f"{at} is {_kind(value)}, not text"
    elif hint is bool:
        if not isinstance(value, bool):
            yield f"{at} is {_kind(value)}, not true or false"
    elif hint in NUMBERS:
        if isinstance(value, bool) or not isinstance(value, NUMBERS[hint]):
            yield f"{at} is {_kind(value)}, not a number"
    elif hint in TIMES:
        if not isinstance(value, str) or TIMES[hint].fullmatch(value) is None:
            yield f"{at} is {value!r}, not a {hint.__name__} of ISO 8601"
    elif not (hint is dict and isinstance(value, dict)):
        raise AssertionError(f"{at}: no rule for {hint}")


def _within(name: str, limit: Any, value: Any) -> bool:
    match name:
        case "max_length":
            return len(value) <= limit
        case "min_length":
            return len(value) >= limit
        case "pattern":
            return re.search(limit, value) is not None
        case "minimum" | "minimum_ex":
            return value > limit or (value == limit and name == "minimum")
        case "maximum" | "maximum_ex":
            return value < limit or (value == limit and name == "maximum")
        case "max_items" | "min_items":
            return len(value) <= limit if name == "max_items" else len(value) >= limit
        case "unique":
            return len(set(map(str, value))) == len(value)
        case _:
            raise AssertionError(f"no rule for {name}")


def _kind(value: Any) -> str:
    names: dict[Any, str] = {
        str: "text",
        bool: "true or false",
        int: "a number",
        float: "a number",
        list: "a list",
    }
    return next((name for kind, name in names.items() if type(value) is kind), "an object")
