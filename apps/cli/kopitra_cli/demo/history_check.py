"""The second judgement: does SQL hold exactly what the journal says? Rows that lack, rows too many, other values."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

import msgspec

from kopitra.domain.instants import rfc3339
from kopitra_cli.demo.history_facts import AnyOf, Fields, History, Key

KEYS: dict[str, tuple[str, ...]] = {
    "events": ("journal_id", "shard", "sequence"),
    "runs": ("run_id",),
    "decisions": ("journal_id", "shard", "sequence", "ordinal"),
    "orders": ("command_id",),
    "executions": ("journal_id", "shard", "sequence"),
    "trades": ("copy_id",),
}
JSON = frozenset({"payload"})


class HistoryReport(msgspec.Struct, frozen=True, kw_only=True):
    """`counts`: rows in SQL by table; `behind_seconds`: how long after the last event SQL had everything."""

    counts: Mapping[str, int]
    complaints: tuple[str, ...]
    behind_seconds: float = 0.0


class Rows(Protocol):
    """SQL as it is now."""

    def of(self, table: str, columns: Sequence[str]) -> list[tuple[Any, ...]]: ...


def check_history(history: History, rows: Rows) -> HistoryReport:
    complaints: list[str] = []
    counts: dict[str, int] = {}
    for name, expected in history.tables.items():
        keys = KEYS[name]
        columns = list(dict.fromkeys(column for fields in expected.values() for column in fields))
        found = [
            (row[: len(keys)], dict(zip(columns, row[len(keys) :], strict=True)))
            for row in rows.of(name, [*keys, *columns])
        ]
        counts[name] = len(found)
        complaints += _compared(name, expected, found)
    return HistoryReport(counts=counts, complaints=tuple(complaints))


def _compared(
    name: str, expected: Mapping[Key, Fields], found: Sequence[tuple[Key, Fields]]
) -> Iterator[str]:
    seen = Counter(key for key, _ in found)
    for key, fields in expected.items():
        if key not in seen:
            yield f"{_row(name, key)} is missing: {_some(fields)}"
    for key, fields in found:
        wanted = expected.get(key)
        if wanted is None:
            yield f"{_row(name, key)} is in no journal: {_some(fields)}"
            continue
        if seen[key] > 1:
            yield f"{_row(name, key)} is there {seen[key]} times"
        for column, value in wanted.items():
            if not _same(column, value, fields[column]):
                told = f"{_told(fields[column])} in SQL, {_told(value)} in the journal"
                yield f"{_row(name, key)}: {column} is {told}"


def _same(column: str, wanted: Any, found: Any) -> bool:
    """`found` is as SQLite keeps it: amounts and times are text."""
    match wanted:
        case AnyOf():
            return found in wanted.values
        case Decimal():
            return found is not None and Decimal(found) == wanted
        case datetime():
            return bool(found == rfc3339(wanted))
        case _:
            if column in JSON and found is not None:
                return bool(msgspec.json.decode(found) == wanted)
            return bool(found == wanted)


def _row(name: str, key: Key) -> str:
    return f"history, {name} {key[-1] if len(key) == 1 else ':'.join(str(part) for part in key[2:])}"


SHOWN_FIELDS = 4
SHOWN_CHARACTERS = 60


def _some(fields: Mapping[str, Any]) -> str:
    told = [(name, value) for name, value in fields.items() if value is not None]
    return ", ".join(f"{name} {_told(value)}" for name, value in told[:SHOWN_FIELDS])


def _told(value: Any) -> str:
    text = str(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"
