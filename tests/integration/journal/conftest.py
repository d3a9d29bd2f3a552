"""Journals to break: a table in memory, and Azurite behind a transport that loses answers."""

from collections.abc import AsyncIterator

import pytest

from kopitra.adapters.azure import journal_writer
from tests.conformance.journal_stores import azurite_store, limited_store
from tests.fixtures.azurite import azurite_table
from tests.fixtures.limited_table import TableService
from tests.fixtures.table_wire import CheckedTransport
from tests.integration.journal.table_faults import FaultyStore

__all__ = ["azurite_table"]


@pytest.fixture(params=["limited-table", pytest.param("azurite", marks=pytest.mark.timeout(600))])
async def faulty(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[FaultyStore]:
    monkeypatch.setattr(journal_writer, "PAUSE_SECONDS", 0.001)
    if request.param == "limited-table":
        service = TableService()
        faulty = FaultyStore(limited_store(service), lambda: service)
    else:
        transports: list[CheckedTransport] = []

        def transport() -> CheckedTransport:
            transports.append(CheckedTransport())
            return transports[-1]

        store = azurite_store(request.getfixturevalue("azurite_table"), transport)
        faulty = FaultyStore(store, lambda: transports[-2])  # the last one reads, the one before writes
    yield faulty
    await faulty.store.close()


@pytest.fixture
def service() -> TableService:
    return TableService()
