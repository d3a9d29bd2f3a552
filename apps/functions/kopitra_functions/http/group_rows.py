"""Copy groups as rows, and as they are shown."""

from sqlalchemy import Connection, select
from sqlalchemy.engine import RowMapping

from kopitra.domain.instants import rfc3339
from kopitra_functions.http.call import Call
from kopitra_functions.http.messages import Shown
from kopitra_functions.http.rows import require
from kopitra_functions.sql.tables import copy_groups, group_leaders


class GroupView(Shown, frozen=True):
    group: str
    tenant: str
    name: str
    leaders: list[str]
    enabled: bool
    copies_of_copies: bool
    revision: int
    updated_at: str
    updated_by: str | None
    version: int


class GroupPage(Shown, frozen=True):
    items: list[GroupView]
    cursor: str
    more: bool


def group_views(connection: Connection, rows: list[RowMapping]) -> list[GroupView]:
    leaders = _leaders(connection, rows)
    return [
        GroupView(
            group=row["copy_group"],
            tenant=row["tenant"],
            name=row["name"],
            leaders=leaders.get(row["copy_group"], []),
            enabled=row["enabled"],
            copies_of_copies=row["copies_of_copies"],
            revision=row["revision"],
            updated_at=rfc3339(row["updated_at"]),
            updated_by=row["updated_by"],
            version=row["version"],
        )
        for row in rows
    ]


def _leaders(connection: Connection, rows: list[RowMapping]) -> dict[str, list[str]]:
    """Of groups of one tenant."""
    if not rows:
        return {}
    table = group_leaders.c
    query = (
        select(table.copy_group, table.leader)
        .where(table.tenant == rows[0]["tenant"])
        .where(table.copy_group.in_([row["copy_group"] for row in rows]))
        .order_by(table.copy_group, table.position)
    )
    found: dict[str, list[str]] = {}
    for group, leader in connection.execute(query):
        found.setdefault(group, []).append(leader)
    return found


def group_view(connection: Connection, call: Call, group: str) -> GroupView:
    return group_views(connection, [require(connection, call, copy_groups, copy_group=group)])[0]
