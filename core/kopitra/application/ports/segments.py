"""Sealed segments, the audit bundle: ranges of the journal as immutable blobs, each with the hash of the one before."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from kopitra.application.ports.journal import Commit
from kopitra.domain.identifiers import JournalId


class Segment(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a segment's manifest says."""

    journal_id: JournalId
    shard: str
    first: int
    last: int
    commits: int
    frames: int
    size: int
    """Bytes of the content."""
    sha256: str
    """Of the content, hexadecimal."""
    previous: str
    """SHA-256 of the manifest before, hexadecimal; empty for the first. So a changed or missing one shows."""
    sealed_at: datetime


class SegmentDamaged(Exception):
    """A sealed segment, or its place in the chain, is not what was sealed."""

    code = "segment_damaged"


class Segments(Protocol):
    """One shard's sealed segments of one journal. Blob errors pass through."""

    async def seal(self, through: int) -> Sequence[Segment]:
        """Seal whole commits from where the last segment ended up to `through` at most; none when nothing is new.

        Only the fence's holder calls it. Where two do all the same, the slower raises `BlobImmutable`, and the chain
        stays whole.
        """
        ...

    async def sealed(self) -> Sequence[Segment]:
        """Oldest first, the chain of manifests checked. Raises `SegmentDamaged`."""
        ...

    def read(self, segment: Segment) -> AsyncIterator[Commit]:
        """The segment's commits, its content checked. Raises `SegmentDamaged`."""
        ...
