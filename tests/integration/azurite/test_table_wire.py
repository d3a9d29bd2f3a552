"""The bytes that leave for Azure Tables stay within its limits; and the check would notice if they did not."""

import os
from typing import Any, cast
from uuid import uuid4

import pytest
from azure.core.credentials import AccessToken

from kopitra.adapters.azure.journal import TableJournal
from kopitra.adapters.azure.journal_layout import PROPERTY_BYTES
from kopitra.adapters.azure.tables import AzureTable, TableConflict, TableRefused, TableUnclear, connect_table
from kopitra.adapters.embedded.identity import SystemIds
from kopitra.application.ports.journal import Frame
from tests.fixtures.azure_limits import TRANSACTION_BYTES, LimitBroken
from tests.fixtures.azurite import Azurite
from tests.fixtures.clocks import ManualClock
from tests.fixtures.table_wire import CheckedTransport

pytestmark = pytest.mark.timeout(600)  # the first of them may install Azurite


@pytest.fixture
def transport() -> CheckedTransport:
    return CheckedTransport()


@pytest.fixture
def table(azurite_table: Azurite, transport: CheckedTransport) -> AzureTable:
    table = connect_table(
        f"wire{uuid4().hex}", connection_string=azurite_table.connection_string, transport=transport
    )
    table.create()
    table.create()
    return table


def entity(row: str, **values: Any) -> dict[str, Any]:
    return {"PartitionKey": "p", "RowKey": row, **values}


async def test_the_largest_commit_is_one_request_below_the_limit(
    azurite_table: Azurite, table: AzureTable, transport: CheckedTransport
):
    reading = connect_table(table.name, connection_string=azurite_table.connection_string)
    journal = await TableJournal.open(table, reading, shard="main", clock=ManualClock(), ids=SystemIds())
    fence = await journal.acquire("writer")
    overhead = journal.cost(Frame(1, 1, b""))
    largest = Frame(1, 1, os.urandom(journal.room - overhead))
    before = transport.requests
    await journal.append(fence, [largest])
    assert transport.requests - before == 1
    assert 0.9 * TRANSACTION_BYTES < transport.largest_body < TRANSACTION_BYTES
    assert await journal.frames([1]) == [largest]
    await journal.close()


def test_a_transaction_above_four_mebibytes_is_noticed(table: AzureTable):
    etag = table.insert(entity("fence"))
    pieces = {f"d{n:02d}": os.urandom(PROPERTY_BYTES) for n in range(15)}
    rows = [entity(f"{n}", **pieces) for n in range(4)]
    with pytest.raises(LimitBroken, match="a transaction of"):
        table.transact(entity("fence"), etag, rows)


def test_a_hundred_and_first_operation_is_noticed(table: AzureTable):
    etag = table.insert(entity("fence"))
    with pytest.raises(LimitBroken, match="101 operations"):
        table.transact(entity("fence"), etag, [entity(f"{n:03d}") for n in range(100)])


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"d": os.urandom(64 * 1024)}, "a property of"),
        ({f"d{n}": os.urandom(60 * 1024) for n in range(18)}, "an entity of"),
        ({f"d{n}": 1 for n in range(253)}, "253 properties"),
        ({"RowKey": "a/b"}, "in key"),
        ({"RowKey": "x" * 513}, "513 characters"),
    ],
)
def test_an_entity_above_a_limit_is_noticed_alone_and_in_a_transaction(
    table: AzureTable, values: dict[str, Any], what: str
):
    with pytest.raises(LimitBroken, match=what):
        table.insert({**entity("r"), **values})
    etag = table.insert(entity("fence"))
    with pytest.raises(LimitBroken, match=what):
        table.transact(entity("fence"), etag, [{**entity("r"), **values}])


def test_an_entity_twice_in_one_transaction_is_noticed(table: AzureTable):
    etag = table.insert(entity("fence"))
    with pytest.raises(LimitBroken, match="twice"):
        table.transact(entity("fence"), etag, [entity("a"), entity("a")])


def test_a_stale_condition_rolls_the_whole_transaction_back(table: AzureTable):
    stale = table.insert(entity("fence", n=1))
    fresh = table.replace(entity("fence", n=2), stale)
    with pytest.raises(TableConflict):
        table.transact(entity("fence", n=3), stale, [entity("a")])
    with pytest.raises(TableConflict):
        table.replace(entity("fence", n=3), stale)
    assert table.get("p", "a") is None
    latest = table.transact(entity("fence", n=2**40), fresh, [entity("a")])
    stored = table.get("p", "fence")
    assert stored is not None
    assert (stored.entity["n"], stored.etag) == (2**40, latest)


def test_what_exists_is_not_inserted_again(table: AzureTable):
    table.insert(entity("a"))
    with pytest.raises(TableConflict):
        table.insert(entity("a"))


def test_a_wrong_key_is_refused_and_a_closed_port_is_unclear(azurite_table: Azurite):
    known = azurite_table.connection_string
    parts = dict(part.split("=", 1) for part in known.rstrip(";").split(";"))
    forged = known.replace(parts["AccountKey"], "Zm9yZ2Vk")
    with pytest.raises(TableRefused, match="403"):
        connect_table("journal", connection_string=forged).insert(entity("a"))
    closed = known.replace(parts["TableEndpoint"], "http://127.0.0.1:9/kopitra")
    with pytest.raises(TableUnclear):
        connect_table("journal", connection_string=closed).insert(entity("a"))


class _Token:
    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        return AccessToken("never sent", 0)


def test_a_token_is_never_sent_over_http():
    credential = cast("Any", _Token())
    with pytest.raises(ValueError, match="only sent over https"):
        connect_table("journal", endpoint="http://account.example", credential=credential)
    with pytest.raises(ValueError, match="connection string, or"):
        connect_table("journal", endpoint="https://account.example")
    connect_table("journal", endpoint="https://account.example", credential=credential).close()
