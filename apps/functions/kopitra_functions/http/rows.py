"""Rows that operators make, read and edit: by id, within a tenant, and by the version that they have seen."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, delete, select, update
from sqlalchemy.engine import RowMapping

from kopitra.protocol.problems import Code, rejected
from kopitra_functions.http.call import Call
from kopitra_functions.http.change import Change
from kopitra_functions.http.etags import require_version
from kopitra_functions.http.problems import Trouble, refused
from kopitra_functions.sql.tables import tenants

FIRST_VERSION = 1


def in_tenant(call: Call, table: Table) -> list[ColumnElement[bool]]:
    """What keeps a statement within the call's tenant; nothing for an operator of all tenants who named none."""
    return [] if call.tenant is None else [table.c.tenant == call.tenant]


def selected(call: Call, table: Table) -> Select[Any]:
    """All rows of the call's tenant."""
    return select(table).where(*in_tenant(call, table))


def of_tenant(call: Call, table: Table) -> Select[Any]:
    """All rows of one tenant, for a list: indexes begin with it, so an operator of all tenants has to name one.
    Raises Rejected."""
    return select(table).where(table.c.tenant == call.own_tenant)


def find(connection: Connection, call: Call, table: Table, **keys: Any) -> RowMapping | None:
    """Another tenant's row does not exist."""
    same = [table.c[name] == value for name, value in keys.items()]
    return connection.execute(selected(call, table).where(*same)).mappings().one_or_none()


def require(connection: Connection, call: Call, table: Table, **keys: Any) -> RowMapping:
    """Raises Rejected: 404."""
    found = find(connection, call, table, **keys)
    if found is None:
        raise rejected(Code.NOT_FOUND)
    return found


def current(change: Change, call: Call, table: Table, **keys: Any) -> RowMapping:
    """The row to edit, at the version that the operator has seen. Raises Rejected: 404 or 412."""
    found = require(change.connection, call, table, **keys)
    require_version(call.expected, found["version"])
    return found


def refuse_taken(change: Change, table: Table, **keys: Any) -> None:
    """Ids are one space for all tenants. Raises Rejected: 409."""
    same = [table.c[name] == value for name, value in keys.items()]
    if change.connection.execute(select(1).select_from(table).where(*same)).first() is not None:
        named = " and ".join(f"{name} {value}" for name, value in keys.items() if name != "tenant")
        raise refused(Trouble.ALREADY_EXISTS, f"there is already one with {named}")


def insert(change: Change, table: Table, values: Mapping[str, Any]) -> None:
    """At its first version."""
    change.connection.execute(
        table.insert().values(
            **values,
            created_at=change.now,
            updated_at=change.now,
            updated_by=change.subject,
            version=FIRST_VERSION,
        )
    )


def edit(change: Change, table: Table, keys: Mapping[str, Any], seen: int, values: Mapping[str, Any]) -> int:
    """The new version. Raises Rejected (412) where somebody else's commit came in between."""
    same = [table.c[name] == value for name, value in keys.items()]
    done = change.connection.execute(
        update(table)
        .where(*same, table.c.version == seen)
        .values(**values, updated_at=change.now, updated_by=change.subject, version=seen + 1)
    )
    if done.rowcount != 1:
        raise refused(Trouble.VERSION_CHANGED, "somebody else has just changed it; read it again")
    return seen + 1


def remove(change: Change, table: Table, keys: Mapping[str, Any], seen: int) -> None:
    """Raises Rejected (412) where somebody else's commit came in between."""
    same = [table.c[name] == value for name, value in keys.items()]
    done = change.connection.execute(delete(table).where(*same, table.c.version == seen))
    if done.rowcount != 1:
        raise refused(Trouble.VERSION_CHANGED, "somebody else has just changed it; read it again")


def known_tenant(change: Change, call: Call) -> str:
    """Whose something new will be. A tenant that the issuer of tokens knows and the database does not is entered with
    its first change; one that an operator of all tenants names must be there. Raises Rejected."""
    tenant = call.own_tenant
    there = change.connection.execute(select(tenants.c.tenant).where(tenants.c.tenant == tenant)).first()
    if there is None:
        if call.operator.tenant != tenant:
            raise refused(Trouble.REFERENCE_UNKNOWN, f"there is no tenant {tenant}")
        insert(change, tenants, {"tenant": tenant, "name": tenant, "enabled": True})
    return tenant


def changed_names(before: Mapping[str, Any], after: Mapping[str, Any]) -> Sequence[str]:
    """Which of the values to be written differ from the row's."""
    return [name for name, value in after.items() if before[name] != value]
