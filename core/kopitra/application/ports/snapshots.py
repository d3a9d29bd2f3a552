"""Snapshots: the state after a sequence, so that start-up replays only the journal's tail."""

from typing import Protocol

import msgspec


class SnapshotInfo(msgspec.Struct, frozen=True, kw_only=True):
    sequence: int
    """The last sequence whose effects the state includes."""
    state_hash: str
    """The state's own hash, as the application computes it."""
    size: int
    """Bytes as stored."""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    sequence: int
    state_hash: str
    content: bytes
    """The encoded state, opaque to the store."""


class Snapshots(Protocol):
    """One shard's snapshots of one journal."""

    async def put(self, sequence: int, state_hash: str, content: bytes) -> SnapshotInfo:
        """Keep a snapshot; it is there whole or not at all. Raises `BlobsUnavailable`."""
        ...

    async def latest(self, at_most: int | None = None) -> Snapshot | None:
        """The newest whole snapshot (of at most that sequence); a torn or corrupt one is skipped with a warning."""
        ...

    async def listed(self) -> list[SnapshotInfo]:
        """Oldest first, by name only: damage shows when one is read."""
        ...

    async def prune(self, keep: int) -> int:
        """Delete all but the newest `keep` (at least 1); return how many went."""
        ...
