"""Journal and blobs in Azure Storage, from the settings. Imported only where they ask for it: the SDK is large."""

from pydantic import SecretStr

from kopitra.adapters.azure.blobs import AzureBlobs, connect_container
from kopitra.adapters.azure.credentials import own_identity
from kopitra.adapters.azure.journal import TableJournal
from kopitra.adapters.azure.tables import AzureTable, connect_table
from kopitra.adapters.embedded.identity import SystemIds
from kopitra.adapters.embedded.timing import SystemClock
from kopitra.application.ports.blobs import Blobs
from kopitra.application.ports.journal import Journal
from kopitra_counterparty.settings import Settings

ENDPOINT = "https://"
"""What begins so is a service's address; anything else is a connection string."""


async def open_azure(settings: Settings) -> tuple[Journal, Blobs]:
    """Raises JournalUnavailable, BlobsUnavailable, ValueError for an address that is neither."""
    blobs = _container(settings)
    await blobs.create()
    journal = await TableJournal.open(
        _table(settings), _table(settings), shard=settings.shard, clock=SystemClock(), ids=SystemIds()
    )
    return journal, blobs


def _table(settings: Settings) -> AzureTable:
    """A connection of its own: writing and reading have a thread each."""
    where = _shown(settings.azure_tables)
    if where.startswith(ENDPOINT):
        return connect_table(settings.journal_table, endpoint=where, credential=own_identity())
    return connect_table(settings.journal_table, connection_string=where)


def _container(settings: Settings) -> AzureBlobs:
    where = _shown(settings.azure_blobs)
    if where.startswith(ENDPOINT):
        return connect_container(settings.blob_container, endpoint=where, credential=own_identity())
    return connect_container(settings.blob_container, connection_string=where)


def _shown(secret: SecretStr | None) -> str:
    assert secret is not None  # the settings insist where storage is azure
    return secret.get_secret_value()
