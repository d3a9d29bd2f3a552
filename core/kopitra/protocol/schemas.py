"""JSON Schemas of all messages: msgspec's own, narrowed by the bounds that bodies are checked against."""

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import inspect

from kopitra.protocol.bounds import NON_NEGATIVE, POSITIVE, WHOLE_LIMITS, text_limit
from kopitra.protocol.limits import MAX_DECIMAL_DIGITS, MAX_DECIMAL_PLACES, MAX_WHOLE_NUMBER

REFERENCE = "#/components/schemas/{name}"
DECIMAL_TEXT = rf"-?[0-9]{{1,{MAX_DECIMAL_DIGITS}}}(\.[0-9]{{1,{MAX_DECIMAL_PLACES}}})?"

Schema = dict[str, Any]


def schemas(types: Iterable[Any]) -> tuple[list[Schema], dict[str, Schema]]:
    """A schema for each type, and the named components that they refer to."""
    wanted = list(types)
    shown, components = msgspec.json.schema_components(wanted, ref_template=REFERENCE)
    named = dict(components)
    for kind in inspect.multi_type_info(wanted):
        _narrow(kind, named, set())
    return list(shown), named


def _narrow(kind: inspect.Type, components: dict[str, Schema], seen: set[str]) -> None:
    """Visit every struct that `kind` reaches."""
    if isinstance(kind, inspect.StructType):
        name = kind.cls.__name__
        if name in seen:
            return
        seen.add(name)
        properties = components[name]["properties"]
        for field in kind.fields:
            _narrow_field(properties[field.encode_name], field.type, field.name)
            _narrow(field.type, components, seen)
    elif isinstance(kind, inspect.UnionType):
        for member in kind.types:
            _narrow(member, components, seen)
    elif isinstance(kind, inspect.ListType | inspect.VarTupleType):
        _narrow(kind.item_type, components, seen)


def _narrow_field(schema: Schema, kind: inspect.Type, name: str) -> None:
    if isinstance(kind, inspect.UnionType):
        for member, member_schema in zip(kind.types, schema.get("anyOf", ()), strict=False):
            _narrow_field(member_schema, member, name)
    elif isinstance(kind, inspect.ListType | inspect.VarTupleType):
        _narrow_field(schema.get("items", {}), kind.item_type, name)
    elif isinstance(kind, inspect.StrType):
        schema["maxLength"] = text_limit(name)
    elif isinstance(kind, inspect.IntType):
        schema["minimum"] = int(name in POSITIVE) if name in NON_NEGATIVE else -MAX_WHOLE_NUMBER
        schema["maximum"] = WHOLE_LIMITS.get(name, MAX_WHOLE_NUMBER)
    elif isinstance(kind, inspect.DateTimeType):
        schema["format"] = "date-time"
    elif isinstance(kind, inspect.DecimalType):
        schema["pattern"] = f"^{_decimal_text(name)}$"


def _decimal_text(name: str) -> str:
    return DECIMAL_TEXT.removeprefix("-?") if name in NON_NEGATIVE else DECIMAL_TEXT
