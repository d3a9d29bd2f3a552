"""What a body refers to must exist, and be the same tenant's; another tenant's does not exist."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Table, select

from kopitra.protocol.messages import FieldError
from kopitra_functions.http.change import Change
from kopitra_functions.http.problems import Trouble, refused
from kopitra_functions.sql.tables import accounts, brokers, copy_groups, strategies

NAMES = {"copy_group": "group"}


def require_broker(change: Change, tenant: str, broker: str | None) -> None:
    """Raises Rejected."""
    if broker is not None:
        _require(change, brokers, tenant, "broker", [broker], "$.broker")


def require_accounts(change: Change, tenant: str, wanted: Iterable[str], path: str) -> None:
    """Raises Rejected."""
    _require(change, accounts, tenant, "account", list(dict.fromkeys(wanted)), path)


def require_groups(change: Change, tenant: str, wanted: Iterable[str], path: str) -> None:
    """Raises Rejected."""
    _require(change, copy_groups, tenant, "copy_group", list(wanted), path)


def require_strategy(change: Change, tenant: str, strategy: str | None) -> None:
    """Raises Rejected."""
    if strategy is not None:
        _require(change, strategies, tenant, "strategy", [strategy], "$.strategy")


def _require(change: Change, table: Table, tenant: str, column: str, wanted: list[Any], path: str) -> None:
    query = select(table.c[column]).where(table.c.tenant == tenant, table.c[column].in_(wanted))
    known = set(change.connection.execute(query).scalars())
    missing = [each for each in wanted if each not in known]
    if missing:
        errors = [
            FieldError(path=path, message=f"there is no {NAMES.get(column, column)} {each}")
            for each in missing
        ]
        raise refused(Trouble.REFERENCE_UNKNOWN, errors[0].message, errors=errors)
