"""The database: tables before users, the least roles, and a firewall that is closed again whatever happens."""

from pathlib import Path
from typing import Any

import pytest
import sqlfluff

from stack.deployment.database import DatabaseStep, migrations_of
from stack.deployment.firewall import RULE, refused_address
from stack.deployment.sql_connection import packed
from stack.deployment.sql_text import ROLES, quoted, sid_of, user_statements
from stack.deployment.world import Answer, DeploymentFailed
from stack.packages.building import ROOT
from tests.stack.deployment.azure_side import CLIENT_ID, AzureSide, Clock

SERVER = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Sql/servers/kopitra-sql"
APP = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/kopitra-functions-dev"
GIVEN: dict[str, Any] = {
    "serverId": SERVER,
    "server": "kopitra-sql.database.windows.net",
    "database": "kopitra",
    "migrations": "m",
    "users": {"kopitra-functions-dev": APP},
}
RULE_PATH = f"management.azure.com{SERVER}/firewallRules/{RULE}"


def applied(azure: AzureSide, folder: Path, clock: Clock | None = None) -> list[str]:
    said: list[str] = []
    DatabaseStep().apply(azure.world(folder, clock), GIVEN, None, said.append)
    return said


def test_the_deployer_is_let_in_migrates_makes_the_users_and_is_shut_out(tmp_path: Path) -> None:
    azure = AzureSide()

    said = applied(azure, tmp_path)

    assert azure.migrated == [("kopitra-sql.database.windows.net", "kopitra")]
    assert azure.statements == list(user_statements("kopitra-functions-dev", CLIENT_ID))
    assert (azure.rules, azure.open_connections) == ({}, 0)
    assert said[-1] == "The database's firewall is closed for the deployer"


def test_a_deployer_whose_address_is_let_in_anyway_opens_nothing(tmp_path: Path) -> None:
    azure = AzureSide()
    azure.rules["office"] = "203.0.113.99"

    applied(azure, tmp_path)

    assert azure.migrated
    assert azure.rules == {"office": "203.0.113.99"}
    assert f"PUT {RULE_PATH}" not in azure.asked


def test_a_database_that_has_paused_is_waited_for(tmp_path: Path) -> None:
    azure, clock = AzureSide(), Clock()
    azure.paused_tries = 5

    applied(azure, tmp_path, clock)

    assert azure.migrated
    assert azure.asked.count(f"PUT {RULE_PATH}") == 1


def test_a_database_that_never_answers_fails_the_deployment_with_its_own_words(tmp_path: Path) -> None:
    azure = AzureSide()
    azure.paused_tries = 1_000_000

    with pytest.raises(
        DeploymentFailed, match=r"a connection to .* is not so after 4.. s: .*not currently available"
    ):
        applied(azure, tmp_path)

    assert azure.rules == {}


def test_the_firewall_is_closed_after_a_failure_too(tmp_path: Path) -> None:
    azure = AzureSide()
    azure.migration_fails = True

    with pytest.raises(DeploymentFailed, match="the tables were not brought up to date"):
        applied(azure, tmp_path)

    assert (azure.rules, azure.open_connections, azure.statements) == ({}, 0, [])


def test_an_opening_that_a_killed_deployment_left_is_closed_by_the_next(tmp_path: Path) -> None:
    azure = AzureSide()
    azure.rules = {RULE: "198.51.100.1"}

    applied(azure, tmp_path)

    assert azure.rules == {}


def test_a_firewall_that_does_not_close_at_once_is_closed_later(tmp_path: Path) -> None:
    azure = AzureSide()
    azure.faults[f"DELETE {RULE_PATH}"] = [None, Answer(500, {"error": {"message": "busy"}})]

    applied(azure, tmp_path)

    assert azure.rules == {}


def test_a_firewall_that_stays_open_fails_the_deployment_and_names_the_rule(tmp_path: Path) -> None:
    azure = AzureSide()
    azure.faults[f"DELETE {RULE_PATH}"] = [Answer(409, {"error": {"message": "locked"}})] * 100

    with pytest.raises(DeploymentFailed, match=f"locked. Delete the rule {RULE} of the SQL server by hand"):
        applied(azure, tmp_path)


def test_the_address_is_read_from_the_servers_own_refusal_only() -> None:
    sentence = "Client with IP address '203.0.113.7' is not allowed to access the server."
    assert (
        refused_address(f"[Microsoft] Cannot open server 'x' requested by the login. {sentence}")
        == "203.0.113.7"
    )
    assert refused_address("Login failed for user '<token-identified principal>'.") is None
    assert refused_address(sentence.replace("203.0.113.7", "999.0.0.1")) is None


def test_a_sid_is_the_client_id_with_its_first_three_parts_little_endian() -> None:
    assert sid_of("00112233-4455-6677-8899-aabbccddeeff") == "0x33221100554477668899AABBCCDDEEFF"


def test_a_name_cannot_leave_its_quotes() -> None:
    statements = user_statements("x]; DROP TABLE a; --'", CLIENT_ID)

    assert quoted("x]; DROP") == "[x]]; DROP]"
    assert all(
        "[x]]; DROP TABLE a; --']" in each or "N'x]; DROP TABLE a; --'''" in each for each in statements
    )


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 129])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is no name of a database user"):
        quoted(name)


def test_the_users_statements_are_t_sql_and_give_nothing_but_reading_and_writing_rows() -> None:
    statements = user_statements("kopitra-functions-dev", CLIENT_ID)

    for statement in statements:
        # The parser knows no TYPE, which is documented for Azure SQL's CREATE USER.
        sqlfluff.parse(statement.replace(", TYPE = E;", ";"), dialect="tsql")
    text = "\n".join(statements)
    assert ROLES == ("db_datareader", "db_datawriter")
    assert text.count("ADD MEMBER") == len(ROLES)
    assert "GRANT" not in text
    assert "PASSWORD" not in text


def test_the_token_is_packed_as_the_driver_wants_it() -> None:
    assert packed("ab") == b"\x04\x00\x00\x00a\x00b\x00"


def test_another_migration_is_another_digest_and_another_place_is_not(tmp_path: Path) -> None:
    source = ROOT / "apps/functions/kopitra_functions/sql/migrations/versions"
    copy = tmp_path / source.relative_to(ROOT)
    copy.mkdir(parents=True)
    for path in source.glob("*.py"):
        (copy / path.name).write_bytes(path.read_bytes())
    assert migrations_of(tmp_path) == migrations_of(ROOT)

    (copy / "9999_more.py").write_text("revision = '9999'\n")
    assert migrations_of(tmp_path) != migrations_of(ROOT)
