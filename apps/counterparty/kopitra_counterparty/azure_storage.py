"""Journal and blobs in Azure Storage, from the settings. Imported only where they ask for it: the SDK is large."""

from collections.abc import Generator
from contextlib import contextmanager

from pydantic import SecretStr

from kopitra.adapters.azure.blobs import AzureBlobs, connect_container
from kopitra.adapters.azure.credentials import own_identity
from kopitra.adapters.azure.journal import TableJournal
from kopitra.adapters.azure.tables import AzureTable, connect_table
from kopitra.adapters.embedded.identity import SystemIds
from kopitra.adapters.embedded.timing import SystemClock
from kopitra.application.ports.blobs import Blobs, BlobsUnavailable
from kopitra.application.ports.journal import Journal, JournalUnavailable
from kopitra_counterparty.server import StartRefused
from kopitra_counterparty.settings import PREFIX, Settings

ENDPOINT = "https://"
"""What begins so is a service's address; anything else is a connection string."""


async def open_azure(settings: Settings) -> tuple[Journal, Blobs, Blobs]:
    """The journal, blobs, and where segments go. Raises StartRefused with the setting whose storage cannot be used."""
    with _naming("azure_tables"):
        writing, reading = _table(settings), _table(settings)  # a thread for each
    with _naming("azure_blobs"):
        blobs = _container(settings, settings.blob_container)
        await blobs.create()
        sealed = blobs
        if settings.segment_container not in (None, settings.blob_container):
            sealed = _container(settings, settings.segment_container)
            await sealed.create()
    with _naming("azure_tables"):
        journal = await TableJournal.open(
            writing, reading, shard=settings.shard, clock=SystemClock(), ids=SystemIds()
        )
    return journal, blobs, sealed


@contextmanager
def _naming(setting: str) -> Generator[None]:
    """Every failure as one sentence about this setting; a connection string is a secret and never in it."""
    name = f"{PREFIX}{setting.upper()}"
    try:
        yield
    except ValueError as error:
        raise StartRefused(f"{name} is neither a connection string nor an https address: {error}") from error
    except (BlobsUnavailable, JournalUnavailable) as error:
        first_line, _, _ = str(error).partition("\n")
        raise StartRefused(f"{name}: {first_line}") from error


def _table(settings: Settings) -> AzureTable:
    where = _shown(settings.azure_tables)
    if where.startswith(ENDPOINT):
        return connect_table(settings.journal_table, endpoint=where, credential=own_identity())
    return connect_table(settings.journal_table, connection_string=where)


def _container(settings: Settings, name: str) -> AzureBlobs:
    where = _shown(settings.azure_blobs)
    if where.startswith(ENDPOINT):
        return connect_container(name, endpoint=where, credential=own_identity())
    return connect_container(name, connection_string=where)


def _shown(secret: SecretStr | None) -> str:
    assert secret is not None  # the settings insist where storage is azure
    return secret.get_secret_value()
