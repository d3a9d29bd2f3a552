"""The agent's memory between two lives: small files and append-only logs in one folder of its own."""

from collections.abc import Sequence
from typing import Protocol


class StorageFailed(Exception):
    """The change did not become durable (disk full, read-only, folder in use)."""


class StorageCorrupt(Exception):
    """A record before the last one of a log is damaged: nothing after it can be trusted."""


class Storage(Protocol):
    def read(self, name: str) -> bytes | None: ...

    def write(self, name: str, content: bytes) -> None:
        """Replace the whole file at once: a crash leaves the old content or the new. Raises StorageFailed."""
        ...

    def append(self, log: str, record: bytes, *, flush: bool = True) -> None:
        """Add one record whole or not at all. When this returns it survives the death of the process, and with
        `flush` also a loss of power. Raises StorageFailed."""
        ...

    def records(self, log: str) -> Sequence[bytes]:
        """All whole records; one torn by a crash at the very end is dropped. Raises StorageCorrupt."""
        ...

    def rewrite(self, log: str, records: Sequence[bytes]) -> None:
        """Replace a log's content at once, as `write` does. Raises StorageFailed."""
        ...

    def close(self) -> None: ...
