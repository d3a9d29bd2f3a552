"""The rules of the fence, the same in every journal: who may take it, keep it and write under it.

An adapter stores a `FenceRow`, applies one of these pure rules to what it read, and writes the result back under a
condition that fails when anyone else wrote in between.
"""

from datetime import datetime, timedelta

import msgspec

from kopitra.application.ports.journal import (
    LEASE_SECONDS,
    RENEW_BELOW_SECONDS,
    Fence,
    FenceHeld,
    FenceLost,
)
from kopitra.application.ports.timing import Clock
from kopitra.domain.identifiers import JournalId

LEASE = timedelta(seconds=LEASE_SECONDS)
RENEW_BELOW = timedelta(seconds=RENEW_BELOW_SECONDS)
NOBODY = ""


class FenceRow(msgspec.Struct, frozen=True, kw_only=True):
    """What the journal stores about its writer."""

    journal_id: JournalId
    epoch: int
    """0: never held."""
    owner: str
    holder: str
    """The adapter instance that holds it: an owner's earlier process has another."""
    lease_until: datetime
    sequence: int

    def fence(self) -> Fence:
        return Fence(epoch=self.epoch, owner=self.owner, lease_until=self.lease_until, sequence=self.sequence)


def never_held(journal_id: JournalId, now: datetime) -> FenceRow:
    return FenceRow(journal_id=journal_id, epoch=0, owner="", holder=NOBODY, lease_until=now, sequence=0)


class Stillness:
    """How long a fence row has stood unchanged before one standby's eyes.

    A holder changes its row well within a lease, so a row that stands for a whole lease has no living holder, whatever
    the wall clocks say: one that was set back after the holder died would keep the shard without a writer for as long.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._row: FenceRow | None = None
        self._since = 0.0

    def outlasts_lease(self, row: FenceRow) -> bool:
        """Ask with the row as it was just read, each time that it is read."""
        now = self._clock.monotonic()
        if row != self._row:
            self._row, self._since = row, now
        return now - self._since >= LEASE_SECONDS


def is_live_elsewhere(row: FenceRow, holder: str, now: datetime) -> bool:
    return row.holder != holder and row.lease_until > now


def taken(row: FenceRow, owner: str, holder: str, now: datetime, *, still: bool) -> FenceRow:
    """The fence in a new epoch. Raises `FenceHeld` while another holder's lease is live, unless the row stood `still`
    for longer than any holder leaves it."""
    if is_live_elsewhere(row, holder, now) and not still:
        raise FenceHeld(row.owner, row.lease_until)
    return msgspec.structs.replace(
        row, epoch=row.epoch + 1, owner=owner, holder=holder, lease_until=now + LEASE
    )


def check_holder(row: FenceRow, fence: Fence) -> None:
    """Raise `FenceLost` unless `fence` is of the stored epoch, which was not released."""
    if row.holder == NOBODY and row.epoch == fence.epoch:
        raise FenceLost(f"epoch {fence.epoch} of {fence.owner} was released")
    if (row.epoch, row.owner) != (fence.epoch, fence.owner):
        raise FenceLost(f"epoch {fence.epoch} of {fence.owner} ended; {row.owner} holds epoch {row.epoch}")


def check_writer(row: FenceRow, fence: Fence) -> None:
    """Raise `FenceLost` unless `fence` is of the stored epoch and knows the last sequence."""
    check_holder(row, fence)
    if row.sequence != fence.sequence:
        raise FenceLost(f"the journal ends at {row.sequence}; the writer believed {fence.sequence}")


def renewed(row: FenceRow, now: datetime) -> FenceRow:
    return msgspec.structs.replace(row, lease_until=now + LEASE)


def needs_renewal(row: FenceRow, now: datetime) -> bool:
    """Also where the clock was set back: a lease that seems longer than a lease would not be renewed for as long."""
    return not RENEW_BELOW <= row.lease_until - now <= LEASE


def advanced(row: FenceRow, last: int, now: datetime) -> FenceRow:
    """After a commit up to `last`; a commit renews the lease, since it writes the row anyway."""
    return msgspec.structs.replace(row, sequence=last, lease_until=now + LEASE)


def released(row: FenceRow, now: datetime) -> FenceRow:
    """The epoch's end: not even its holder can verify or append under it any more."""
    return msgspec.structs.replace(row, holder=NOBODY, lease_until=now)
