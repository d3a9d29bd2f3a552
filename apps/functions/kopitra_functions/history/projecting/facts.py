"""What one message says of rows, in a form that may be applied twice and in any order."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
from sqlalchemy import Table

from kopitra_functions.history.told import Place, Told

Row = dict[str, Any]
EVERYBODY = "*"
"""The tenant of what concerns no tenant alone, or of one that is not known yet."""


class Once(msgspec.Struct, frozen=True):
    """A row by its identity: the first one stays."""

    table: Table
    row: Row


class Merge(msgspec.Struct, frozen=True):
    """A change of one row. `rule` gets the row (one of defaults where there was none), changes it or not; rules of one
    row may be applied in any order, and each any number of times."""

    table: Table
    key: tuple[Any, ...]
    tenant: str
    rule: Callable[[Row], None]


class Facts(msgspec.Struct):
    """`copies`, `commands`, `runs`: what has to be made anew; `begun`: runs of which only now is known how they began;
    `counted`: runs that got decisions."""

    once: list[Once] = msgspec.field(default_factory=list[Once])
    merges: list[Merge] = msgspec.field(default_factory=list[Merge])
    symbols: list["Catalog"] = msgspec.field(default_factory=list["Catalog"])
    copies: set[str] = msgspec.field(default_factory=set[str])
    commands: set[str] = msgspec.field(default_factory=set[str])
    begun: set[str] = msgspec.field(default_factory=set[str])
    counted: set[str] = msgspec.field(default_factory=set[str])

    def insert(self, table: Table, **row: Any) -> None:
        self.once.append(Once(table, row))

    def merge(self, table: Table, key: tuple[Any, ...], tenant: str, rule: Callable[[Row], None]) -> None:
        self.merges.append(Merge(table, key, tenant, rule))

    def add(self, others: Iterable["Facts"]) -> "Facts":
        for other in others:
            self.once += other.once
            self.merges += other.merges
            self.symbols += other.symbols
            self.copies |= other.copies
            self.commands |= other.commands
            self.begun |= other.begun
            self.counted |= other.counted
        return self


class Note(msgspec.Struct, frozen=True):
    """Where the facts of one event go, and what is known of it beside its body."""

    facts: Facts
    told: Told
    place: Place


class Catalog(msgspec.Struct, frozen=True):
    """An account's symbols as of `sequence`: all rows of an older catalogue give way."""

    account: str
    sequence: int
    rows: tuple[Row, ...]


def latest(marker: str, sequence: int, values: Mapping[str, Any]) -> Callable[[Row], None]:
    """The event with the highest sequence decides on these columns."""

    def rule(row: Row) -> None:
        if (row[marker] or 0) < sequence:
            row.update(values)
            row[marker] = sequence

    return rule


def earliest(marker: str, sequence: int, values: Mapping[str, Any]) -> Callable[[Row], None]:
    """The event with the lowest sequence decides; 0 or nothing is none."""

    def rule(row: Row) -> None:
        known = row[marker] or 0
        if not known or sequence < known:
            row.update(values)
            row[marker] = sequence

    return rule


def raised(column: str, value: Any) -> Callable[[Row], None]:
    """The highest value stays."""

    def rule(row: Row) -> None:
        if row[column] is None or row[column] < value:
            row[column] = value

    return rule


def both(*rules: Callable[[Row], None]) -> Callable[[Row], None]:
    def rule(row: Row) -> None:
        for one in rules:
            one(row)

    return rule
