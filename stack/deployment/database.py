"""The database as the apps need it: its tables up to date, and a user for each managed identity."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from stack.deployment.arm import Arm
from stack.deployment.firewall import Opening, refused_address
from stack.deployment.sql_text import user_statements
from stack.deployment.waiting import NotYet, until
from stack.deployment.world import DeploymentFailed, Say, Sql, SqlRefused, World

SQL_SCOPE = "https://database.windows.net/.default"
IDENTITY_VERSION = "2023-01-31"
MIGRATIONS = "apps/functions/kopitra_functions/sql/migrations/versions"
CONNECT_SECONDS = 420.0
"""A rule of the firewall holds within five minutes; a database that has paused resumes within one."""
CONNECT_EVERY = 10.0
DIGEST_CHARACTERS = 16


def migrations_of(root: Path) -> str:
    """One digest of every migration: the database is woken only where there is something to do."""
    total = sha256()
    for path in sorted((root / MIGRATIONS).glob("*.py")):
        total.update(path.name.encode() + b"\0" + sha256(path.read_bytes()).digest())
    return total.hexdigest()[:DIGEST_CHARACTERS]


class DatabaseStep:
    """Migrates as the deployer, who administers the server, and lets the apps' identities in: so no app may change
    tables."""

    target = "serverId"

    def apply(
        self, world: World, given: Mapping[str, Any], before: Mapping[str, Any] | None, say: Say
    ) -> None:
        """Raises DeploymentFailed; the firewall is closed in any case."""
        server, database = given["server"], given["database"]
        with Opening(world, given["serverId"], say) as opening:
            sql = _connected(world, server, database, opening, say)
            try:
                say("Bringing the tables up to date")
                world.migrate(server, database, world.token(SQL_SCOPE))
                for name, app_id in sorted(given["users"].items()):
                    say(f"Letting {name} in")
                    for statement in user_statements(name, client_id_of(world, app_id)):
                        sql.run(statement)
            finally:
                sql.close()

    def served(self, world: World, given: Mapping[str, Any]) -> str | None:
        """Asking would wake it."""
        return None


def client_id_of(world: World, app_id: str) -> str:
    """Of an app's own identity: the app itself tells its object id only. Raises DeploymentFailed."""
    path = f"{app_id}/providers/Microsoft.ManagedIdentity/identities/default"
    properties: Any = Arm(world).ask("GET", path, IDENTITY_VERSION).member("properties")
    if not properties:
        raise DeploymentFailed(f"{app_id} has no identity of its own")
    return str(properties["clientId"])


def _connected(world: World, server: str, database: str, opening: Opening, say: Say) -> Sql:
    """Lets the deployer's address in where the server names it as not allowed."""
    let_in: set[str] = set()

    def connect() -> Sql:
        try:
            return world.connect(server, database, world.token(SQL_SCOPE))
        except SqlRefused as refused:
            address = refused_address(str(refused))
            if address is not None and address not in let_in:
                opening.let_in(address)
                let_in.add(address)
            raise NotYet(str(refused)) from None

    say(f"Connecting to {database}; a database that has paused takes a minute")
    return until(
        connect,
        what=f"a connection to {server}",
        patience=CONNECT_SECONDS,
        every=CONNECT_EVERY,
        timing=world.timing,
    )
