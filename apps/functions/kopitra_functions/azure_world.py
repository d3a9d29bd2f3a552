"""Blobs, queues, the journal and our own identity in Azure, from the settings. Imported only where they ask for it:
the SDKs are large."""

import re
from collections.abc import Generator
from contextlib import contextmanager

from pydantic import SecretStr

from kopitra.adapters.azure.blobs import connect_container
from kopitra.adapters.azure.credentials import own_identity, own_identity_async
from kopitra.adapters.azure.journal import TableJournal
from kopitra.adapters.azure.service_bus import ServiceBusNamespace, connect_namespace
from kopitra.adapters.azure.tables import AzureTable, connect_table
from kopitra.adapters.embedded.identity import SystemIds
from kopitra.adapters.embedded.timing import SystemClock
from kopitra.application.ports.blobs import Blobs, BlobsUnavailable
from kopitra.application.ports.journal import Journal
from kopitra_functions.settings import PREFIX, Settings, StartRefused

HOST_NAME = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+", re.IGNORECASE)
ENDPOINT = "https://"
"""What begins so is a service's address; anything else is a connection string."""

identity = own_identity_async


async def open_blobs(settings: Settings) -> Blobs:
    """The counterparty's container. Raises StartRefused."""
    return await _container(settings, settings.blob_container)


async def open_sealed(settings: Settings, blobs: Blobs) -> Blobs:
    """The container of the counterparty's segments, which is that of `blobs` unless it has one of its own. Raises
    StartRefused."""
    name = settings.segment_container
    return blobs if name in (None, settings.blob_container) else await _container(settings, name)


async def _container(settings: Settings, name: str) -> Blobs:
    where = _shown(settings.azure_blobs)
    with _naming("azure_blobs"):
        if where.startswith(ENDPOINT):
            blobs = connect_container(name, endpoint=where, credential=own_identity())
        else:
            blobs = connect_container(name, connection_string=where)
        await blobs.create()
    return blobs


async def open_table_journal(settings: Settings) -> Journal:
    """The counterparty's. Raises StartRefused, JournalUnavailable."""
    with _naming("azure_tables"):
        writing, reading = _table(settings), _table(settings)  # a thread for each
    return await TableJournal.open(
        writing, reading, shard=settings.shard, clock=SystemClock(), ids=SystemIds()
    )


def open_namespace(settings: Settings) -> ServiceBusNamespace:
    """Connects to nothing yet. Raises StartRefused."""
    where = _shown(settings.azure_service_bus)
    with _naming("azure_service_bus"):
        if HOST_NAME.fullmatch(where):
            return connect_namespace(namespace=where, credential=own_identity_async())
        return connect_namespace(connection_string=where)


def _table(settings: Settings) -> AzureTable:
    where = _shown(settings.azure_tables)
    if where.startswith(ENDPOINT):
        return connect_table(settings.journal_table, endpoint=where, credential=own_identity())
    return connect_table(settings.journal_table, connection_string=where)


@contextmanager
def _naming(setting: str) -> Generator[None]:
    """Every failure as one sentence about this setting; a connection string is a secret and never in it."""
    name = f"{PREFIX}{setting.upper()}"
    try:
        yield
    except ValueError:
        raise StartRefused(f"{name} is neither a connection string nor an address") from None
    except BlobsUnavailable as error:
        first_line, _, _ = str(error).partition("\n")
        raise StartRefused(f"{name}: {first_line}") from error


def _shown(secret: SecretStr | None) -> str:
    assert secret is not None  # the settings insist, or whoever asks has looked
    return secret.get_secret_value()
