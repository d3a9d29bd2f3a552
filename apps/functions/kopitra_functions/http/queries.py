"""A query string read by the table's word: every value checked, nothing ignored."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from kopitra.protocol.bounds import EARLIEST, LATEST
from kopitra.protocol.limits import MAX_ID_LENGTH
from kopitra.protocol.problems import Code, Rejected, rejected
from kopitra_functions.http.endpoint import MAX_CURSOR_LENGTH, Kind, Query

MOST_DIGITS = 18
"""A whole number of so many digits fits 64 bits."""
FLAGS = {"true": True, "false": False}


def read_query(known: tuple[Query, ...], given: Mapping[str, str]) -> dict[str, Any]:
    """Values by name: those given, and defaults. Raises Rejected."""
    by_name = {query.name: query for query in known}
    for name in given:
        if name not in by_name:
            raise rejected(Code.QUERY_INVALID, f"there is no parameter {name[:MAX_ID_LENGTH]!r} here")
    found: dict[str, Any] = {query.name: query.default for query in known if query.default is not None}
    for query in known:
        if query.required and query.name not in given:
            raise _invalid(query, "is needed")
    for name, text in given.items():
        found[name] = _value(by_name[name], text)
    return found


def _value(query: Query, text: str) -> Any:
    limit = MAX_CURSOR_LENGTH if query.kind is Kind.CURSOR else MAX_ID_LENGTH
    if not text or len(text) > limit or not text.isprintable():
        raise _invalid(query, f"must have 1 to {limit} printable characters")
    if query.choices and text not in query.choices:
        raise _invalid(query, f"must be one of {', '.join(query.choices)}")
    match query.kind:
        case Kind.WHOLE:
            return _whole(query, text)
        case Kind.FLAG:
            if text not in FLAGS:
                raise _invalid(query, "must be true or false")
            return FLAGS[text]
        case Kind.TIME:
            return _time(query, text)
        case Kind.TEXT | Kind.CURSOR:
            return text


def _whole(query: Query, text: str) -> int:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= MOST_DIGITS):
        raise _invalid(query, "must be a whole number")
    number = int(text)
    if query.minimum is not None and number < query.minimum:
        raise _invalid(query, f"must be at least {query.minimum}")
    if query.maximum is not None and number > query.maximum:
        raise _invalid(query, f"must be at most {query.maximum}")
    return number


def _time(query: Query, text: str) -> datetime:
    try:
        time = msgspec.convert(text, datetime, strict=False)
    except msgspec.ValidationError:
        raise _invalid(query, "must be a time like 2026-01-05T00:00:00.000Z") from None
    if time.tzinfo is None or not EARLIEST <= time <= LATEST:
        raise _invalid(query, f"needs an offset, and a year from {EARLIEST.year} to {LATEST.year}")
    return time.astimezone(UTC)


def _invalid(query: Query, message: str) -> Rejected:
    return rejected(Code.QUERY_INVALID, f"{query.name} {message}")
