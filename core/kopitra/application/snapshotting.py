"""When a snapshot is taken, and how: from an image of the state, once all that it contains is durable."""

import msgspec
import structlog

from kopitra.application.engine import Engine
from kopitra.application.machine import Machine
from kopitra.application.ports.blobs import BlobError
from kopitra.application.ports.snapshots import Snapshots
from kopitra.application.ports.state_images import ImageFailed, StateImages
from kopitra.application.ports.timing import Clock
from kopitra.application.recovery import Rebuilt, SnapshotContent
from kopitra.application.submission import Unavailable
from kopitra.machine.state import State

EVERY_EVENTS = 10_000
"""Replayed in about 0.4 s, which is then the most that a restart spends on the tail."""
EVERY_SECONDS = 300.0
KEPT = 3
"""The newest may be torn by a crash, and the one before may meet a defect of a new release."""

log = structlog.get_logger("kopitra.snapshots")


class _Image(msgspec.Struct, array_like=True):
    state_hash: str
    content: bytes


class Snapshotting:
    def __init__(
        self,
        *,
        engine: Engine,
        machine: Machine,
        snapshots: Snapshots,
        images: StateImages,
        clock: Clock,
        projections: dict[str, Rebuilt],
    ) -> None:
        self._engine = engine
        self._machine = machine
        self._snapshots = snapshots
        self._images = images
        self._clock = clock
        self._projections = projections
        self._at = 0
        self._taken_at = 0.0

    def start_from(self, sequence: int) -> None:
        """The state was rebuilt up to this sequence; a snapshot of it exists or will be due in time."""
        self._at = sequence
        self._taken_at = self._clock.monotonic()

    @property
    def due(self) -> bool:
        """Sequences stand for events: an event covers one or, for fan-outs, a few."""
        grown = self._engine.committed - self._at
        return grown >= EVERY_EVENTS or (
            grown > 0 and self._clock.monotonic() - self._taken_at >= EVERY_SECONDS
        )

    async def take(self) -> int | None:
        """Take one now; the sequence it holds, or None where that failed (the next one is due as before)."""
        state = self._engine.state
        if state.sequence <= self._at:
            return self._at
        started, sequence = self._clock.monotonic(), state.sequence
        try:
            image = self._images.take(lambda: self._encode(state))
            await self._engine.settled()
            content = msgspec.msgpack.decode(await image, type=_Image)
            if self._engine.state is not state:
                return None  # the image may hold events that never became durable
            info = await self._snapshots.put(sequence, content.state_hash, content.content)
            await self._snapshots.prune(KEPT)
        except (ImageFailed, BlobError, Unavailable) as error:
            log.warning("snapshot_failed", sequence=sequence, error=str(error))
            return None
        finally:
            self._taken_at = self._clock.monotonic()
        self._at = sequence
        log.info(
            "snapshot_taken",
            sequence=sequence,
            bytes=info.size,
            seconds=round(self._clock.monotonic() - started, 3),
        )
        return sequence

    def _encode(self, state: State) -> bytes:
        content = SnapshotContent(
            self._machine.encode_state(state),
            {name: projection.dump() for name, projection in self._projections.items()},
        )
        image = _Image(self._machine.state_hash(state), msgspec.msgpack.encode(content))
        return msgspec.msgpack.encode(image)
