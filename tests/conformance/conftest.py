"""The storages that the conformance suites run on."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from kopitra.adapters.azure.blobs import AzureBlobs, connect_container
from kopitra.adapters.embedded.blobs import FolderBlobs
from kopitra.adapters.embedded.identity import SystemIds
from kopitra.application.ports.blobs import Blobs
from tests.conformance.journal_stores import (
    JournalStore,
    azurite_store,
    limited_store,
    simulated_store,
    sqlite_store,
)
from tests.conformance.queue_stores import QueueStore, ServiceBusStore, sqlite_queue_store
from tests.fixtures.azurite import Azurite, azurite_blob, azurite_table
from tests.fixtures.limited_table import TableService

__all__ = ["azurite_blob", "azurite_table"]

INSTALLS_AZURITE = pytest.mark.timeout(600)
"""The first of them installs Azurite from npm, once a checkout."""


@pytest.fixture(
    params=["sqlite", "simulated", "limited-table", pytest.param("azurite", marks=INSTALLS_AZURITE)]
)
async def journals(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[JournalStore]:
    match request.param:
        case "sqlite":
            store = sqlite_store(tmp_path)
        case "simulated":
            store = simulated_store()
        case "limited-table":
            store = limited_store(TableService())
        case _:
            store = azurite_store(request.getfixturevalue("azurite_table"))
    yield store
    await store.close()


@pytest.fixture(params=["sqlite", "service-bus"])
async def queues(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[QueueStore]:
    store = sqlite_queue_store(tmp_path) if request.param == "sqlite" else ServiceBusStore(tmp_path)
    yield store
    await store.close()


@pytest.fixture(params=["folder", pytest.param("azurite", marks=INSTALLS_AZURITE)])
async def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Blobs]:
    if request.param == "folder":
        blobs: FolderBlobs | AzureBlobs = FolderBlobs(tmp_path / "blobs", SystemIds())
    else:
        azurite: Azurite = request.getfixturevalue("azurite_blob")
        blobs = connect_container(f"blobs{uuid4().hex}", connection_string=azurite.connection_string)
        await blobs.create()
        await blobs.create()
    yield blobs
    await blobs.close()
