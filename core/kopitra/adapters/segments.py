"""Sealed segments as blobs: `journals/JOURNAL/SHARD/segments/FIRST-LAST.segment`, and a manifest `FIRST.json` by it.

Content: a 4-byte little-endian length and an encoded commit, for each commit. The manifest comes second: a content
without one is what a crash left, and means nothing. What follows a segment is named by where it begins, and written
once: so there is only one that follows, whoever seals.
"""

import asyncio
import struct
from collections.abc import AsyncIterator, Iterator, Sequence
from hashlib import sha256

import msgspec

from kopitra.application.commit_encoding import CommitDamaged, decode_commit, encode_commit
from kopitra.application.ports.blobs import Blobs
from kopitra.application.ports.journal import Commit, Journal
from kopitra.application.ports.segments import Segment, SegmentDamaged
from kopitra.application.ports.timing import Clock

LENGTH = struct.Struct("<I")
SEGMENT_BYTES = 32 * 1024 * 1024
"""A segment closes above this, so that sealing and checking one fit in little memory."""
CONTENT = ".segment"
MANIFEST = ".json"


class BlobSegments:
    """`kopitra.application.ports.segments.Segments` of one journal, over blobs."""

    def __init__(
        self, journal: Journal, blobs: Blobs, clock: Clock, *, segment_bytes: int = SEGMENT_BYTES
    ) -> None:
        self._journal = journal
        self._blobs = blobs
        self._clock = clock
        self._segment_bytes = segment_bytes
        self._folder = f"journals/{journal.journal_id}/{journal.shard}/segments/"

    async def seal(self, through: int) -> Sequence[Segment]:
        chain = await self._chain()
        sealed: list[Segment] = []
        after, previous = (chain[-1][0].last, chain[-1][1]) if chain else (0, "")
        async for commits in self._portions(after, through):
            segment, previous = await self._seal(commits, previous)
            sealed.append(segment)
        return sealed

    async def sealed(self) -> Sequence[Segment]:
        return [segment for segment, _ in await self._chain()]

    async def read(self, segment: Segment) -> AsyncIterator[Commit]:
        content = await self._blobs.get(self._content_name(segment))
        for commit in await asyncio.to_thread(_commits, content, segment):
            yield commit

    async def _portions(self, after: int, through: int) -> AsyncIterator[list[Commit]]:
        """Whole commits that end by `through`, in portions of a segment's size."""
        portion: list[Commit] = []
        size = 0
        async for commit in self._journal.read(after):
            if commit[-1].last > through:
                break
            portion.append(commit)
            size += sum(map(self._journal.cost, commit))
            if size >= self._segment_bytes:
                yield portion
                portion, size = [], 0
        if portion:
            yield portion

    async def _seal(self, commits: Sequence[Commit], previous: str) -> tuple[Segment, str]:
        content = await asyncio.to_thread(_content, commits)
        segment = Segment(
            journal_id=self._journal.journal_id,
            shard=self._journal.shard,
            first=commits[0][0].sequence,
            last=commits[-1][-1].last,
            commits=len(commits),
            frames=sum(map(len, commits)),
            size=len(content),
            sha256=sha256(content).hexdigest(),
            previous=previous,
            sealed_at=self._clock.now(),
        )
        manifest = msgspec.json.encode(segment)
        await self._blobs.put(self._content_name(segment), content, immutable=True)
        name = f"{self._folder}{segment.first:019d}{MANIFEST}"
        await self._blobs.put(name, manifest, content_type="application/json", immutable=True)
        return segment, sha256(manifest).hexdigest()

    async def _chain(self) -> list[tuple[Segment, str]]:
        """Every manifest with its hash, oldest first."""
        chain: list[tuple[Segment, str]] = []
        async for blob in self._blobs.under(self._folder):
            if blob.name.endswith(MANIFEST):
                manifest = await self._blobs.get(blob.name)
                segment = _manifest(blob.name, manifest)
                _check_next(chain[-1] if chain else None, segment)
                chain.append((segment, sha256(manifest).hexdigest()))
        return chain

    def _content_name(self, segment: Segment) -> str:
        return f"{self._folder}{segment.first:019d}-{segment.last:019d}{CONTENT}"


def _manifest(name: str, content: bytes) -> Segment:
    try:
        return msgspec.json.decode(content, type=Segment)
    except msgspec.MsgspecError as error:
        raise SegmentDamaged(f"{name} is no manifest: {error}") from error


def _check_next(before: tuple[Segment, str] | None, segment: Segment) -> None:
    expected = before[1] if before else ""
    if segment.previous != expected or (before and segment.first <= before[0].last):
        raise SegmentDamaged(f"segment {segment.first}..{segment.last} does not follow the one before it")


def _content(commits: Sequence[Commit]) -> bytes:
    encoded = map(encode_commit, commits)
    return b"".join(piece for one in encoded for piece in (LENGTH.pack(len(one)), one))


def _commits(content: bytes, segment: Segment) -> list[Commit]:
    if sha256(content).hexdigest() != segment.sha256:
        raise SegmentDamaged(f"the content of segment {segment.first}..{segment.last} was changed")
    return list(_decoded(content))


def _decoded(content: bytes) -> Iterator[Commit]:
    at = 0
    while at < len(content):
        (length,) = LENGTH.unpack_from(content, at)
        at += LENGTH.size
        try:
            yield decode_commit(content[at : at + length])
        except CommitDamaged as error:
            raise SegmentDamaged(str(error)) from error
        at += length
