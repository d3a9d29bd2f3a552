"""T-SQL as text: the database users of managed identities, and what they may do."""

from collections.abc import Sequence
from uuid import UUID

ROLES = ("db_datareader", "db_datawriter")
"""The management side reads and writes rows. Its tables are changed by the deployer, before it needs them."""
LONGEST_NAME = 128
"""Of a `sysname`."""


def sid_of(client_id: str) -> str:
    """A managed identity's SID is its client id (not its object id), the first three parts little-endian. Raises
    ValueError."""
    return f"0x{UUID(client_id).bytes_le.hex().upper()}"


def quoted(name: str) -> str:
    """As an identifier. Raises ValueError for what is none."""
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        raise ValueError(f"{name!r} is no name of a database user")
    return "[" + name.replace("]", "]]") + "]"


def literal(text: str) -> str:
    return "N'" + text.replace("'", "''") + "'"


def user_statements(name: str, client_id: str, roles: Sequence[str] = ROLES) -> tuple[str, ...]:
    """Run any number of times in this order, they leave one user of that name, for that identity, in these roles and in
    no other. A user of an identity that is gone (an app that was made anew) makes room. TYPE = E asks no directory, so
    neither the server nor the deployer needs to read one."""
    user, sid = quoted(name), sid_of(client_id)
    stale = f"IF EXISTS (SELECT 1 FROM sys.database_principals WHERE name = {literal(name)} AND sid <> {sid})"
    absent = f"IF NOT EXISTS (SELECT 1 FROM sys.database_principals WHERE name = {literal(name)})"
    return (
        f"{stale} DROP USER {user};",
        f"{absent} CREATE USER {user} WITH SID = {sid}, TYPE = E;",
        *(f"ALTER ROLE {quoted(role)} ADD MEMBER {user};" for role in roles),
        _only(name, roles),
    )


def _only(name: str, roles: Sequence[str]) -> str:
    """Takes the user out of every other role."""
    kept = ", ".join(literal(role) for role in roles)
    return (
        "DECLARE @rest nvarchar(max) = N'';\n"
        "SELECT @rest += N'ALTER ROLE ' + QUOTENAME(held.name) + N' DROP MEMBER ' + QUOTENAME(member.name) + N';'\n"
        "FROM sys.database_role_members AS link\n"
        "JOIN sys.database_principals AS held ON held.principal_id = link.role_principal_id\n"
        "JOIN sys.database_principals AS member ON member.principal_id = link.member_principal_id\n"
        f"WHERE member.name = {literal(name)} AND held.name NOT IN ({kept});\n"
        "EXEC sp_executesql @rest;"
    )
