"""Snapshots as blobs: `journals/JOURNAL/SHARD/snapshots/SEQUENCE-STATEHASH.snapshot`, wherever blobs are kept.

Content: `HEADER` (magic, SHA-256 of sequence, state hash and state, the state's length), then the state, compressed.
A snapshot may be lost without harm, since the journal is the truth; it must never be believed when damaged.
"""

import asyncio
import re
import struct
import zlib
from hashlib import sha256

import structlog

from kopitra.application.ports.blobs import BlobNotFound, Blobs
from kopitra.application.ports.snapshots import Snapshot, SnapshotInfo
from kopitra.domain.identifiers import JournalId

HEADER = struct.Struct("<8s32sQ")
MAGIC = b"KOPISNP1"
COMPRESSION_LEVEL = 1
"""A snapshot is written every few minutes and read once a start: time counts more than bytes."""
NAME = re.compile(r"(?P<sequence>\d{19})-(?P<state_hash>[A-Za-z0-9]+)\.snapshot")

log = structlog.get_logger("kopitra.snapshots")


class _Damaged(Exception):
    pass


class BlobSnapshots:
    """`kopitra.application.ports.snapshots.Snapshots` over blobs."""

    def __init__(self, blobs: Blobs, journal_id: JournalId, shard: str) -> None:
        self._blobs = blobs
        self._folder = f"journals/{journal_id}/{shard}/snapshots/"

    async def put(self, sequence: int, state_hash: str, content: bytes) -> SnapshotInfo:
        stored = await asyncio.to_thread(_encode, sequence, state_hash, content)
        info = SnapshotInfo(sequence=sequence, state_hash=state_hash, size=len(stored))
        await self._blobs.put(self._name(info), stored)
        return info

    async def latest(self, at_most: int | None = None) -> Snapshot | None:
        for info in reversed(await self.listed()):
            if at_most is None or info.sequence <= at_most:
                try:
                    return await self._read(info)
                except (_Damaged, BlobNotFound) as error:
                    log.warning("snapshot_skipped", snapshot=self._name(info), error=str(error))
        return None

    async def listed(self) -> list[SnapshotInfo]:
        return [
            SnapshotInfo(sequence=int(name["sequence"]), state_hash=name["state_hash"], size=blob.size)
            async for blob in self._blobs.under(self._folder)
            if (name := NAME.fullmatch(blob.name.removeprefix(self._folder)))
        ]

    async def prune(self, keep: int) -> int:
        if keep < 1:
            raise ValueError("at least one snapshot is kept")
        old = (await self.listed())[:-keep]
        for info in old:
            await self._blobs.delete(self._name(info))
        return len(old)

    async def _read(self, info: SnapshotInfo) -> Snapshot:
        stored = await self._blobs.get(self._name(info))
        content = await asyncio.to_thread(_decode, info.sequence, info.state_hash, stored)
        return Snapshot(sequence=info.sequence, state_hash=info.state_hash, content=content)

    def _name(self, info: SnapshotInfo) -> str:
        return f"{self._folder}{info.sequence:019d}-{info.state_hash}.snapshot"


def _encode(sequence: int, state_hash: str, content: bytes) -> bytes:
    digest = _digest(sequence, state_hash, content)
    return HEADER.pack(MAGIC, digest, len(content)) + zlib.compress(content, COMPRESSION_LEVEL)


def _decode(sequence: int, state_hash: str, stored: bytes) -> bytes:
    if len(stored) < HEADER.size:
        raise _Damaged("shorter than its header")
    magic, digest, size = HEADER.unpack_from(stored)
    if magic != MAGIC:
        raise _Damaged("not a snapshot, or of another version")
    try:
        content = zlib.decompress(stored[HEADER.size :])
    except zlib.error as error:
        raise _Damaged(str(error)) from error
    if len(content) != size or _digest(sequence, state_hash, content) != digest:
        raise _Damaged("its content does not match its hash")
    return content


def _digest(sequence: int, state_hash: str, content: bytes) -> bytes:
    return sha256(f"{sequence}\x1f{state_hash}\x1f".encode() + content).digest()
