"""What hangs on several rows, made anew from them in the transaction that changed one: so whichever came first, the
same comes out. Reads by the indexes of ids only.
"""

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, func, select

from kopitra.domain.orders import OrderType, Side
from kopitra_functions.history.projecting.facts import EVERYBODY, Facts, Row
from kopitra_functions.history.projecting.journal import SIGNAL
from kopitra_functions.history.projecting.life import FILLS, as_told, in_life, life
from kopitra_functions.history.projecting.rows import blank, load, portions, rows_where, write
from kopitra_functions.sql import tables
from kopitra_functions.sql.upsert import upsert

MILLISECONDS = 1000


def derive(connection: Connection, facts: Facts, tenants: Iterable[str]) -> None:
    """`tenants`: those whose rows changed; what is looked for by an index is looked for among theirs."""
    seen = sorted({*tenants, EVERYBODY})
    commands = facts.commands | _commands_of(connection, seen, facts.begun)
    orders = load(connection, tables.orders, {(command,) for command in commands})
    _deals(connection, seen, list(orders.values()))
    copies = facts.copies | {row["copy_id"] for row in orders.values() if row["copy_id"] is not None}
    _copies(connection, seen, copies)
    _counts(connection, seen, facts.counted)
    _symbols(connection, seen, facts.counted | facts.begun)


def _commands_of(connection: Connection, tenants: list[str], runs: set[str]) -> set[str]:
    found: set[str] = set()
    column = tables.orders.c
    for some in portions(runs):
        statement = select(column.command_id).where(column.tenant.in_(tenants), column.run_id.in_(some))
        found.update(connection.execute(statement).scalars())
    return found


def _related(
    connection: Connection, table: Any, tenants: list[str], name: str, ids: Iterable[str]
) -> list[Row]:
    rows: list[Row] = []
    for some in portions(ids):
        rows += rows_where(connection, table, table.c.tenant.in_(tenants), table.c[name].in_(some))
    return rows


def _deals(connection: Connection, tenants: list[str], orders: list[Row]) -> None:
    """Deals learn their run and their slippage from their order; runs and latencies follow."""
    by_command = {order["command_id"]: order for order in orders}
    deals = _related(connection, tables.executions, tenants, "command_id", by_command)
    runs = load(connection, tables.runs, {(o["run_id"],) for o in orders if o["run_id"] is not None})
    before = {key: dict(run) for key, run in runs.items()}
    changed: list[Row] = []
    latencies: list[Row] = []
    for deal in deals:
        order = by_command[deal["command_id"]]
        run = runs.get((order["run_id"],))
        learned: Row = {"run_id": order["run_id"], "slippage": slippage(deal, reference(deal, order, run))}
        if learned.items() - deal.items():
            changed.append(deal | learned)
        latencies += _deal_latencies(deal, order, run)
        _note(runs, order, deal["occurred_at"])
    for order in orders:
        if order["acked_sequence"] and order["created_at"] is not None:
            latencies.append(_ack_latency(order))
            _note(runs, order, order["acked_at"])
    write(connection, tables.executions, changed)
    write(connection, tables.runs, [run for key, run in runs.items() if run != before.get(key)])
    upsert(connection, tables.latency_samples, latencies)


def _note(runs: dict[tuple[Any, ...], Row], order: Row, at: Any) -> None:
    if order["run_id"] is None:
        return
    key = (order["run_id"],)
    run = runs.setdefault(key, blank(tables.runs, key) | {"tenant": order["tenant"]})
    if run["last_event_at"] is None or run["last_event_at"] < at:
        run["last_event_at"] = at


def reference(deal: Row, order: Row, run: Row | None) -> Decimal | None:
    """The price that a deal is held against: what was asked of the broker, else a resting order's own, else the
    leader's when the order was made."""
    if deal["requested_price"] is not None:
        return deal["requested_price"]
    if order["order_type"] not in (None, OrderType.MARKET) and order["price"] is not None:
        return order["price"]
    if order["reference_price"] is not None:
        return order["reference_price"]
    return run["price"] if run is not None and order["cause"] == SIGNAL else None


def slippage(deal: Row, against: Decimal | None) -> Decimal | None:
    """Price units, positive where the one who traded was worse off; `side` is the deal's own, also where it closes."""
    if against is None or deal["fill_price"] is None or deal["status"] not in FILLS:
        return None
    worse: Decimal = deal["fill_price"] - against
    return worse if deal["side"] == Side.BUY else -worse


def _deal_latencies(deal: Row, order: Row, run: Row | None) -> list[Row]:
    place = {
        name: deal[name] for name in ("journal_id", "shard", "sequence", "tenant", "account", "occurred_at")
    }
    shared = place | {"run_id": order["run_id"], "command_id": order["command_id"]}
    found: list[Row] = []
    if order["created_at"] is not None:
        waited = _milliseconds(order["created_at"], deal["occurred_at"])
        found.append(shared | {"ordinal": 0, "stage": "record_to_execution", "milliseconds": waited})
    intended = run["intended_at"] if run is not None and order["cause"] == SIGNAL else None
    if run is not None and intended is not None and not run["healed"]:
        waited = _milliseconds(intended, deal["occurred_at"])
        found.append(shared | {"ordinal": 1, "stage": "signal_to_execution", "milliseconds": waited})
    return found


def _ack_latency(order: Row) -> Row:
    return {
        "journal_id": order["journal_id"],
        "shard": order["shard"],
        "sequence": order["acked_sequence"],
        "ordinal": 0,
        "tenant": order["tenant"],
        "account": order["account"],
        "stage": "record_to_ack",
        "milliseconds": _milliseconds(order["created_at"], order["acked_at"]),
        "occurred_at": order["acked_at"],
        "run_id": order["run_id"],
        "command_id": order["command_id"],
    }


def _milliseconds(start: Any, end: Any) -> int:
    return round((end - start).total_seconds() * MILLISECONDS)


def _copies(connection: Connection, tenants: list[str], copies: set[str]) -> None:
    trades = load(connection, tables.trades, {(copy,) for copy in copies})
    orders = _by_copy(_related(connection, tables.orders, tenants, "copy_id", copies))
    deals = _by_copy(_related(connection, tables.executions, tenants, "copy_id", copies))
    lives: list[Row] = []
    commands: list[Row] = []
    for copy in sorted(copies):
        known = trades.get((copy,))
        trade = dict(known) if known is not None else blank(tables.trades, (copy,))
        trade["tenant"] = trade["tenant"] or EVERYBODY
        if trade["tenant"] == EVERYBODY:
            trade["tenant"] = _tenant(orders[copy] + deals[copy])
        told = [as_told(order) for order in orders[copy]]
        trade |= life(trade, told, deals[copy])
        if trade != known:
            lives.append(trade)
        for order, plain in zip(orders[copy], told, strict=True):
            after = in_life(plain, trade)
            if order["tenant"] == EVERYBODY and trade["tenant"] != EVERYBODY:
                after = after | {"tenant": trade["tenant"]}
            if after != order:
                commands.append(after)
    write(connection, tables.trades, lives)
    write(connection, tables.orders, commands)


def _tenant(rows: list[Row]) -> str:
    return next((row["tenant"] for row in rows if row["tenant"] != EVERYBODY), EVERYBODY)


def _by_copy(rows: list[Row]) -> defaultdict[str, list[Row]]:
    found: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row["copy_id"]].append(row)
    return found


def _counts(connection: Connection, tenants: list[str], runs: set[str]) -> None:
    """How many followers a run's decisions were about, and what they got."""
    column = tables.decisions.c
    outcomes: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for some in portions(runs):
        statement = (
            select(column.run_id, column.outcome, func.count())
            .where(column.tenant.in_(tenants), column.run_id.in_(some))
            .group_by(column.run_id, column.outcome)
        )
        for run, outcome, number in connection.execute(statement):
            outcomes[run][outcome] = number
    rows = load(connection, tables.runs, {(run,) for run in runs})
    for (run,), row in rows.items():
        counted = outcomes[run]
        row["followers"] = sum(counted.values())
        row["planned"], row["skipped"] = counted.get("planned", 0), counted.get("skipped", 0)
    write(connection, tables.runs, list(rows.values()))


def _symbols(connection: Connection, tenants: list[str], runs: set[str]) -> None:
    """Decisions learn the leader's symbol from their run where their own event does not say it."""
    column = tables.decisions.c
    nameless: list[Row] = []
    for some in portions(runs):
        nameless += rows_where(
            connection,
            tables.decisions,
            column.tenant.in_(tenants),
            column.run_id.in_(some),
            column.leader_symbol.is_(None),
        )
    known = load(connection, tables.runs, {(row["run_id"],) for row in nameless})
    told = [
        row | {"leader_symbol": known[(row["run_id"],)]["symbol"]}
        for row in nameless
        if (row["run_id"],) in known
    ]
    write(connection, tables.decisions, [row for row in told if row["leader_symbol"] is not None])
