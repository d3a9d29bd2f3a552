"""Fills a SQLite file with as many accounts, executions and decisions as the management side's lists must stay quick
with.

.venv/bin/python -m tests.load.management_rows FILE [--accounts 5000] [--executions 1000000]
"""

import argparse
import random
import sqlite3
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec
from sqlalchemy import Engine, Table
from sqlalchemy.schema import CreateIndex

from kopitra.domain.instants import rfc3339
from kopitra_functions.sql.engines import WRITING, engine_for
from kopitra_functions.sql.migrations import migrate
from kopitra_functions.sql.tables import (
    accounts,
    brokers,
    copy_groups,
    decisions,
    executions,
    group_leaders,
    subscriptions,
    tenants,
)

ACCOUNTS = 5_000
EXECUTIONS = 1_000_000
DECISIONS = 300_000
"""A third of them skipped: those have no symbol of the follower's."""
BEGAN = datetime(2026, 1, 5, tzinfo=UTC)
DAYS = 180
TENANTS = ("acme", "birch", "cedar")
"""The first one has nine tenths of everything: its lists are the long ones."""
FOLLOWERS_OF_A_LEADER = 49
SYMBOLS = ("EURUSD", "GBPUSD", "USDJPY", "XAUUSD", "US500", "BTCUSD")
RARE_SYMBOL = "NATGAS"
RARE_EVERY = 50_000
"""Decisions between two of that symbol: an index finds them, and reading row by row does not."""
ROWS_AT_ONCE = 10_000
JOURNAL = "j-load"

Row = dict[str, Any]


class Filled(msgspec.Struct, frozen=True):
    accounts: int
    executions: int
    seconds: float


def fill(path: Path, *, number_of_accounts: int = ACCOUNTS, deals: int = EXECUTIONS, seed: int = 7) -> Filled:
    """A migrated file with these rows; the same seed gives the same ones. It must not exist yet."""
    if path.exists():
        raise FileExistsError(f"{path} is there already")
    began = perf_counter()
    engine = engine_for(f"sqlite:///{path}")
    with engine.execution_options(**{WRITING: True}).begin() as connection:
        migrate(connection)
    engine.dispose()
    owners = [(f"a{n:05}", _tenant(n)) for n in range(number_of_accounts)]
    with _unhurried_disk(path) as file:
        for table, rows in _settings(owners):
            _insert(file, table, rows)
        for table, rows in (
            (executions, _deals(owners, deals, random.Random(seed))),
            (decisions, _decisions(owners, DECISIONS * deals // EXECUTIONS, random.Random(seed))),
        ):
            _drop_indexes(file, table)
            _insert(file, table, rows)
            _make_indexes(file, table, engine)
        file.execute("ANALYZE")
        file.commit()
    file.close()
    return Filled(number_of_accounts, deals, perf_counter() - began)


def _tenant(n: int) -> str:
    return TENANTS[0] if n % 10 else TENANTS[1 + n // 10 % (len(TENANTS) - 1)]


def _settings(owners: list[tuple[str, str]]) -> Iterator[tuple[Table, Iterable[Row]]]:
    at = rfc3339(BEGAN)
    edited = {"created_at": at, "updated_at": at, "updated_by": "load", "version": 1}
    yield tenants, ({"tenant": t, "name": t.title(), "enabled": 1, **edited} for t in TENANTS)
    yield brokers, ({"broker": f"b-{t}", "tenant": t, "name": "Example Markets", **edited} for t in TENANTS)
    yield (
        accounts,
        (
            {
                "account": account,
                "tenant": tenant,
                "label": f"Account {n:05}",
                "broker": f"b-{tenant}",
                "platform": "mt5",
                "login": 700_000 + n,
                "server": "Example-Live",
                "currency": "EUR",
                "margin_mode": "hedging",
                "enabled": 1,
                "requires_approval": 0,
                "revoked_devices": "[]",
                "revision": 1,
                **edited,
            }
            for n, (account, tenant) in enumerate(owners)
        ),
    )
    groups: list[Row] = []
    leaders: list[Row] = []
    followers: list[Row] = []
    for tenant in TENANTS:
        own = [account for account, owner in owners if owner == tenant]
        for start in range(0, len(own), 1 + FOLLOWERS_OF_A_LEADER):
            leader, *behind = own[start : start + 1 + FOLLOWERS_OF_A_LEADER]
            group = {"copy_group": f"g-{leader}", "tenant": tenant}
            named = {"name": f"Copies of {leader}", "enabled": 1, "copies_of_copies": 0, "revision": 1}
            groups.append({**group, **named, **edited})
            leaders.append({**group, "leader": leader, "position": 0})
            settings = {"enabled": 1, "rules": '{"sizing":{"mode":"same_volume"}}', "revision": 1, **edited}
            followers += [{"subscription": f"s-{f}", "follower": f, **group, **settings} for f in behind]
    yield copy_groups, groups
    yield group_leaders, leaders
    yield subscriptions, followers


def _deals(owners: list[tuple[str, str]], count: int, chance: random.Random) -> Iterator[Row]:
    """Spread evenly over the days, every deal of one account at a time of its own."""
    step = timedelta(days=DAYS) / max(count, 1)
    for n in range(count):
        account, tenant = owners[chance.randrange(len(owners))]
        at = rfc3339(BEGAN + n * step)
        closing = n % 2 == 1
        price = f"{chance.randrange(100_000, 200_000) / 100_000:.5f}".rstrip("0").rstrip(".")
        yield {
            "journal_id": JOURNAL,
            "shard": "0",
            "sequence": n + 1,
            "tenant": tenant,
            "account": account,
            "occurred_at": at,
            "executed_at": at,
            "execution_key": f"{account}:{n}",
            "command_id": f"o-{n:016}",
            "copy_id": f"c-{n // 2:016}",
            "run_id": f"r-{n // 50:016}",
            "status": "filled" if n % 40 else "rejected",
            "symbol": SYMBOLS[chance.randrange(len(SYMBOLS))],
            "side": "sell" if chance.random() < 0.5 else "buy",
            "entry": "out" if closing else "in",
            "reason": "expert",
            "order_ticket": n,
            "deal_id": str(n),
            "position_id": n // 2,
            "fill_volume": "0.1",
            "fill_price": price,
            "requested_price": price,
            "slippage": "0",
            "profit": str(chance.randrange(-500, 500)) if closing else None,
            "repeated": 0,
        }


def _decisions(owners: list[tuple[str, str]], count: int, chance: random.Random) -> Iterator[Row]:
    """As many a day as deals, in events of their own."""
    step = timedelta(days=DAYS) / max(count, 1)
    for n in range(count):
        account, tenant = owners[chance.randrange(len(owners))]
        symbol = SYMBOLS[chance.randrange(len(SYMBOLS))] if (n + 1) % RARE_EVERY else RARE_SYMBOL
        skipped = n % 3 == 0
        yield {
            "journal_id": JOURNAL,
            "shard": "0",
            "sequence": n + 1,
            "ordinal": 0,
            "tenant": tenant,
            "occurred_at": rfc3339(BEGAN + n * step),
            "run_id": f"r-{n // 50:016}",
            "subscription": f"s-{account}",
            "follower": account,
            "position_ref": f"p-{n // 100}",
            "leader_symbol": symbol,
            "cause": "signal",
            "outcome": "skipped" if skipped else "planned",
            "reason": "halted" if skipped else None,
            "symbol": None if skipped else symbol,
        }


def _unhurried_disk(path: Path) -> sqlite3.Connection:
    """Nothing is lost that cannot be made again."""
    file = sqlite3.connect(path)
    file.execute("PRAGMA synchronous=OFF")
    file.execute("PRAGMA cache_size=-200000")
    return file


def _insert(file: sqlite3.Connection, table: Table, rows: Iterable[Row]) -> None:
    pending = iter(rows)
    while batch := list(islice(pending, ROWS_AT_ONCE)):
        names = list(batch[0])
        marks = ", ".join("?" * len(names))
        statement = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({marks})"
        file.executemany(statement, [tuple(row[name] for name in names) for row in batch])
    file.commit()


def _drop_indexes(file: sqlite3.Connection, table: Table) -> None:
    """Sorting a million keys once is ten times as quick as finding each one's place."""
    for index in table.indexes:
        file.execute(f"DROP INDEX {index.name}")


def _make_indexes(file: sqlite3.Connection, table: Table, engine: Engine) -> None:
    for index in table.indexes:
        file.execute(str(CreateIndex(index).compile(dialect=engine.dialect)))


def main() -> None:
    options = argparse.ArgumentParser(description="Fill a SQLite file for the benchmark of the lists.")
    options.add_argument("file", type=Path)
    options.add_argument("--accounts", type=int, default=ACCOUNTS)
    options.add_argument("--executions", type=int, default=EXECUTIONS)
    options.add_argument("--seed", type=int, default=7)
    asked = options.parse_args()
    filled = fill(asked.file, number_of_accounts=asked.accounts, deals=asked.executions, seed=asked.seed)
    size = asked.file.stat().st_size / 2**20
    print(
        f"{filled.accounts} accounts and {filled.executions} executions in {filled.seconds:.1f} s ({size:.0f} MiB)"
    )


if __name__ == "__main__":
    main()
