"""Once a day what the journal has grown by is sealed as segments: the audit bundle. Nothing is removed by it."""

from datetime import datetime, timedelta

import structlog

from kopitra.application.engine import Engine
from kopitra.application.ports.blobs import BlobError
from kopitra.application.ports.journal import JournalError
from kopitra.application.ports.segments import SegmentDamaged, Segments
from kopitra.application.ports.timing import Clock, Sleeper

SEAL_EVERY = timedelta(days=1)
"""A segment has a manifest, and whoever checks the chain reads them all: some hundred a year."""
LOOK_SECONDS = 3600.0
"""Also before the first look of a term: nobody who has just lost the shard is still at it."""

log = structlog.get_logger("kopitra.sealing")


class Sealing:
    """Work of the shard's writer (`kopitra.application.while_serving`)."""

    def __init__(self, *, segments: Segments, engine: Engine, clock: Clock, sleeper: Sleeper) -> None:
        self._segments = segments
        self._engine = engine
        self._clock = clock
        self._sleeper = sleeper

    async def run(self) -> None:
        """Until cancelled. What fails is tried again with the next look."""
        sealed_at: datetime | None = None
        while True:
            await self._sleeper.sleep(LOOK_SECONDS)
            try:
                sealed_at = sealed_at or await self._last()
                if sealed_at is None or self._clock.now() - sealed_at >= SEAL_EVERY:
                    sealed_at = await self._seal() or sealed_at
            except (BlobError, JournalError) as error:
                sealed_at = None
                log.warning("sealing_failed", error=str(error))
            except SegmentDamaged as error:
                log.critical("segments_damaged", error=str(error))

    async def _last(self) -> datetime | None:
        sealed = await self._segments.sealed()
        return sealed[-1].sealed_at if sealed else None

    async def _seal(self) -> datetime | None:
        """When the newest was sealed; None where the journal has not grown."""
        sealed = await self._segments.seal(self._engine.committed)
        if not sealed:
            return None
        log.info(
            "sealed", segments=len(sealed), sequence=sealed[-1].last, bytes=sum(one.size for one in sealed)
        )
        return sealed[-1].sealed_at
