"""Rows of the history as its projections would have left them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Boolean, Connection, Table, insert

from kopitra_functions.sql.tables import (
    account_samples,
    accounts,
    decisions,
    events,
    executions,
    incidents,
    latency_samples,
    notifications,
    orders,
    runs,
    tenants,
    trades,
)
from kopitra_functions.sql.types import ExactDecimal, Json, UtcTime
from tests.management.world import TENANT, Managed

START = datetime(2026, 1, 5, tzinfo=UTC)
JOURNAL = "0" * 32


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def filled(table: Table, values: dict[str, Any]) -> dict[str, Any]:
    """The values, and something harmless in every other column that must not be empty."""
    return {column.name: _plain(column) for column in table.columns if not column.nullable} | values


def _plain(column: Any) -> Any:
    match column.type:
        case Boolean():
            return False
        case ExactDecimal():
            return Decimal(1)
        case UtcTime():
            return START
        case Json():
            return {}
        case _:
            pass
    if column.name == "tenant":
        return TENANT
    if column.name == "journal_id":
        return JOURNAL
    return 0 if column.type.python_type is int else "x"


async def add(house: Managed, table: Table, *rows: dict[str, Any]) -> None:
    complete = [filled(table, row) for row in rows]

    def work(connection: Connection) -> None:
        for row in complete:
            connection.execute(insert(table).values(row))

    await house.database.write(work)


async def add_tenants(house: Managed, *names: str) -> None:
    await add(
        house, tenants, *({"tenant": name, "name": name, "enabled": True, "version": 1} for name in names)
    )


async def add_accounts(house: Managed, *names: str, tenant: str = TENANT) -> None:
    await add(house, accounts, *({"account": name, "tenant": tenant, "version": 1} for name in names))


def execution(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "sequence": number,
        "shard": "main",
        "account": "f1",
        "occurred_at": at(number),
        "executed_at": at(number),
        "execution_key": f"deal:{number}",
        "status": "filled",
        "symbol": "EURUSD",
        "side": "buy",
        "entry": "in",
        "reason": "expert",
        "fill_volume": Decimal("0.10"),
        "fill_price": Decimal("1.2345"),
        "slippage": Decimal("-0.0001"),
    } | changes


__all__ = (
    "account_samples", "accounts", "decisions", "events", "executions", "incidents", "latency_samples",
    "notifications", "orders", "runs", "trades",
)  # fmt: skip
