"""The journal: where events are remembered, in order, by one fenced writer a shard.

Identity of an event is (journal id, shard, sequence). `docs/decisions/0010` to `0013` say why it has this shape.
"""

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import Literal, Protocol

import msgspec

from kopitra.domain.identifiers import JournalId

LEASE_SECONDS = 10.0
"""How long a fence is held without renewal. A crashed holder is replaced after this time at most."""
RENEW_BELOW_SECONDS = 6.0
"""`verify` writes only when less than this is left, so a holder that verified always has more than the 3 s after which
an unverified holder falls silent, plus 2 s of clock skew between machines."""
COMMIT_BYTES = 3_000_000
"""One commit's bytes after compression: base64 turns them into 4,000,000 characters, below the 4 MiB of an Azure Tables
transaction. Every journal keeps it, so that what works on a laptop works in the cloud."""
FRAME_OVERHEAD_BYTES = 24
"""What storing a frame costs beside its data, rounded up."""

Commit = tuple["Frame", ...]
"""The frames of one whole commit; readers never see part of one."""


class Frame(msgspec.Struct, frozen=True):
    """One encoded event; never split over commits. It may cover several sequences (one per follower's command)."""

    sequence: int
    """The event's first sequence, at least 1 and above the previous frame's `last`."""
    last: int
    """The last sequence it covers, at least `sequence`."""
    data: bytes


class Fence(msgspec.Struct, frozen=True, kw_only=True):
    """Proof of being the shard's writer. `append` returns the next one; (epoch, owner) never changes in between."""

    epoch: int
    """Grows by one with every acquisition."""
    owner: str
    lease_until: datetime
    """Aware UTC, by the holder's clock."""
    sequence: int
    """The last sequence in the journal when this fence was given."""


class JournalError(Exception):
    """What a journal refuses or cannot do."""

    code = "journal_error"


class FenceHeld(JournalError):
    """Another owner's lease is live; ask again when it is over, or earlier in case it is released."""

    code = "fence_held"

    def __init__(self, owner: str, lease_until: datetime) -> None:
        super().__init__(f"the journal is held by {owner} until {lease_until.isoformat()}")
        self.owner = owner
        self.lease_until = lease_until


class FenceLost(JournalError):
    """Another owner has taken the shard, or the journal moved on without us; nothing was written."""

    code = "fence_lost"


class FrameRefused(JournalError):
    """The caller's frames break the journal's rules (order, size, an empty commit); nothing was written."""

    code = "frame_refused"


class FrameTooLarge(FrameRefused):
    """The frames do not fit one commit even compressed; an event is never split, so it can never be written."""

    code = "frame_too_large"

    def __init__(self, sequence: int, size: int, limit: int) -> None:
        super().__init__(
            f"frames from sequence {sequence} need {size} bytes compressed; a commit holds {limit}"
        )
        self.sequence = sequence
        self.size = size
        self.limit = limit


UnavailableReason = Literal["full", "read_only", "corrupt", "busy", "unreachable", "closed"]


class JournalUnavailable(JournalError):
    """The storage refused for a reason of its own. An append that raised this has certainly not happened."""

    code = "journal_unavailable"

    def __init__(self, reason: UnavailableReason, detail: str) -> None:
        super().__init__(f"journal {reason}: {detail}")
        self.reason: UnavailableReason = reason


class AppendUnclear(JournalError):
    """The append may or may not have happened and the storage cannot be asked. Every later append raises
    `FenceLost`: recover from the journal after a new `acquire`."""

    code = "append_unclear"


class Journal(Protocol):
    """One shard's journal. Calls may overlap; an adapter puts its own writes in order."""

    @property
    def journal_id(self) -> JournalId:
        """Minted once when the journal was created."""
        ...

    @property
    def shard(self) -> str: ...

    @property
    def room(self) -> int:
        """Bytes one commit may hold, in the unit of `cost`."""
        ...

    def cost(self, frame: Frame) -> int:
        """An upper bound of the frame's bytes in a commit, without compressing it: cheap. Frames whose costs add up to
        at most `room` always fit one commit; others may, once compressed (`admit` knows)."""
        ...

    def admit(self, frames: Sequence[Frame]) -> None:
        """Raise `FrameTooLarge` when these frames can never be one commit. Compresses only when `cost` leaves doubt."""
        ...

    async def acquire(self, owner: str) -> Fence:
        """Become the writer, in a new epoch.

        Raises `FenceHeld` while another's lease is live (also that of an earlier run of the same owner, unless the
        adapter can prove that it died), `JournalUnavailable`.
        """
        ...

    async def verify(self, fence: Fence) -> Fence:
        """Prove that this epoch is still ours, renewing the lease when it runs low; call it once a second.

        Raises `FenceLost`, `JournalUnavailable`.
        """
        ...

    async def release(self, fence: Fence) -> None:
        """End the epoch now, so that a standby need not wait. A fence that was lost is nothing to release: no error."""
        ...

    async def append(self, fence: Fence, frames: Sequence[Frame]) -> Fence:
        """Write all frames in one atomic transaction that also checks the fence; return once they are durable.

        Raises `FenceLost` and `JournalUnavailable` (nothing was written), `FrameRefused` and `FrameTooLarge` (nothing
        was sent), `AppendUnclear`.
        """
        ...

    def read(self, after: int = 0) -> AsyncGenerator[Commit, None]:
        """Every commit with a frame whose `last` is above `after`, oldest first (without the frames at or below it).
        Appends made meanwhile may be included. Raises `JournalUnavailable` (corrupt) at the first damaged commit."""
        ...

    async def frames(self, sequences: Sequence[int]) -> list[Frame]:
        """The frames that cover these sequences, ascending, each once; sequences that nothing covers are left out."""
        ...

    async def head(self) -> int:
        """The last sequence written, 0 when empty."""
        ...

    async def bytes_used(self) -> int:
        """Bytes the journal takes in its storage."""
        ...

    async def close(self) -> None:
        """Let go of files and connections; the lease stays. Later calls raise `JournalUnavailable` (closed)."""
        ...
