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
    journal, sealed = await _opened(settings, blobs)

    async def close() -> None:
        await journal.close()
        if sealed is not blobs:
            await sealed.close()

    return JournalReader(journal, BlobSegments(journal, sealed, SystemClock()), close)


async def _opened(settings: Settings, blobs: Blobs) -> tuple[Journal, Blobs]:
    """The journal, and where its segments are."""
    if settings.storage == "azure":
        from kopitra_functions.azure_world import (  # noqa: PLC0415  # half a second of imports
            open_sealed,
            open_table_journal,
        )

        sealed = await open_sealed(settings, blobs)
        return await open_table_journal(settings), sealed
    file = settings.data_folder / f"{settings.shard}.journal"
    journal = await SqliteJournal.open(file, shard=settings.shard, clock=SystemClock(), ids=SystemIds())
    return journal, blobs
