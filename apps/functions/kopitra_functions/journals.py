"""The journal of the shard, opened for reading beside the counterparty that writes it."""

from kopitra.adapters.embedded.identity import SystemIds
from kopitra.adapters.embedded.journal import SqliteJournal
from kopitra.adapters.embedded.timing import SystemClock
from kopitra.adapters.segments import BlobSegments
from kopitra.application.ports.blobs import Blobs
from kopitra.application.ports.journal import Journal
from kopitra_functions.history.rebuild import JournalReader
from kopitra_functions.settings import Settings


def has_journal(settings: Settings) -> bool:
    """In Azure only where the tables are named."""
    return settings.storage != "azure" or settings.azure_tables is not None


async def open_journal(settings: Settings, blobs: Blobs) -> JournalReader:
    """Takes no fence and appends nothing. Raises StartRefused, JournalUnavailable."""
    journal = await _journal(settings)
    return JournalReader(journal, BlobSegments(journal, blobs, SystemClock()), journal.close)


async def _journal(settings: Settings) -> Journal:
    if settings.storage == "azure":
        from kopitra_functions.azure_world import open_table_journal  # noqa: PLC0415  # half a second of imports

        return await open_table_journal(settings)
    file = settings.data_folder / f"{settings.shard}.journal"
    return await SqliteJournal.open(file, shard=settings.shard, clock=SystemClock(), ids=SystemIds())
