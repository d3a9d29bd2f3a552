"""What survives the crashes: an agent's disk, and the counterparty's snapshots and blobs that may fail."""

from collections.abc import AsyncIterator, Callable, Sequence

from kopitra.application.ports.blobs import BlobInfo, BlobsUnavailable
from kopitra.application.ports.snapshots import Snapshot, SnapshotInfo
from kopitra.simulation.blobs import MemoryBlobs
from kopitra_agent.ports.storage import StorageFailed
from tests.simulation.stage.process import Process


class AgentDisk:
    """Files and logs of one agent. What was appended without a flush is lost with the machine's power."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.logs: dict[str, list[bytes]] = {}
        self.flushed: dict[str, int] = {}
        self.full = False

    def lose_power(self) -> int:
        """How many records are gone."""
        lost = 0
        for name, records in self.logs.items():
            kept = self.flushed.get(name, 0)
            lost += len(records) - kept
            del records[kept:]
        return lost


class AgentStorage:
    """One process's way to its disk, for as long as it lives."""

    def __init__(self, disk: AgentDisk, process: Process) -> None:
        self._disk = disk
        self._process = process

    def read(self, name: str) -> bytes | None:
        return self._disk.files.get(name)

    def write(self, name: str, content: bytes) -> None:
        if self._writable():
            self._disk.files[name] = content

    def append(self, log: str, record: bytes, *, flush: bool = True) -> None:
        if self._writable():
            records = self._disk.logs.setdefault(log, [])
            records.append(record)
            if flush:
                self._disk.flushed[log] = len(records)

    def records(self, log: str) -> Sequence[bytes]:
        return list(self._disk.logs.get(log, []))

    def rewrite(self, log: str, records: Sequence[bytes]) -> None:
        if self._writable():
            self._disk.logs[log] = list(records)
            self._disk.flushed[log] = len(records)

    def close(self) -> None:
        pass

    def _writable(self) -> bool:
        self._process.require_alive()
        if self._disk.full:
            raise StorageFailed("no space left on device")
        return True


class Trouble:
    """How many of the next operations fail; `happened` is told of each that does."""

    def __init__(self, happened: Callable[[], None]) -> None:
        self.left = 0
        self._happened = happened

    def strike(self) -> None:
        if self.left:
            self.left -= 1
            self._happened()
            raise BlobsUnavailable("a simulated fault")


class TroubledSnapshots:
    """Implements the Snapshots port in memory."""

    def __init__(self, trouble: Trouble) -> None:
        self.kept: dict[int, Snapshot] = {}
        self._trouble = trouble

    async def put(self, sequence: int, state_hash: str, content: bytes) -> SnapshotInfo:
        self._trouble.strike()
        self.kept[sequence] = Snapshot(sequence=sequence, state_hash=state_hash, content=content)
        return SnapshotInfo(sequence=sequence, state_hash=state_hash, size=len(content))

    async def latest(self, at_most: int | None = None) -> Snapshot | None:
        self._trouble.strike()
        found = [sequence for sequence in self.kept if at_most is None or sequence <= at_most]
        return self.kept[max(found)] if found else None

    async def listed(self) -> list[SnapshotInfo]:
        self._trouble.strike()
        return [
            SnapshotInfo(sequence=s.sequence, state_hash=s.state_hash, size=len(s.content))
            for _, s in sorted(self.kept.items())
        ]

    async def prune(self, keep: int) -> int:
        self._trouble.strike()
        gone = sorted(self.kept)[:-keep]
        for sequence in gone:
            del self.kept[sequence]
        return len(gone)


class TroubledBlobs(MemoryBlobs):
    """Blobs whose storage fails when told to."""

    trouble: Trouble

    async def put(
        self,
        name: str,
        content: bytes,
        *,
        content_type: str = "application/octet-stream",
        immutable: bool = False,
    ) -> None:
        self.trouble.strike()
        await super().put(name, content, content_type=content_type, immutable=immutable)

    async def get(self, name: str) -> bytes:
        self.trouble.strike()
        return await super().get(name)

    def under(self, prefix: str = "") -> AsyncIterator[BlobInfo]:
        return super().under(prefix)
