"""Storage in memory that outlives the agents that use it."""

from collections.abc import Sequence

from kopitra_agent.ports.storage import StorageFailed
from tests.unit.agent.mortality import Mortality


class Disk:
    """What is left of an agent when it dies."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.logs: dict[str, list[bytes]] = {}
        self.full = False


class MemoryStorage:
    def __init__(self, disk: Disk, mortality: Mortality | None = None) -> None:
        self._disk = disk
        self._mortality = mortality or Mortality()

    def read(self, name: str) -> bytes | None:
        return self._disk.files.get(name)

    def write(self, name: str, content: bytes) -> None:
        self._mortality.point()
        self._require_room()
        self._disk.files[name] = content
        self._mortality.point()

    def append(self, log: str, record: bytes, *, flush: bool = True) -> None:
        self._mortality.point()
        self._require_room()
        self._disk.logs.setdefault(log, []).append(record)
        self._mortality.point()

    def records(self, log: str) -> Sequence[bytes]:
        return list(self._disk.logs.get(log, []))

    def rewrite(self, log: str, records: Sequence[bytes]) -> None:
        self._mortality.point()
        self._require_room()
        self._disk.logs[log] = list(records)
        self._mortality.point()

    def close(self) -> None:
        pass

    def _require_room(self) -> None:
        if self._disk.full:
            raise StorageFailed("no space left on device")
