"""Rebuild the state at start-up: the latest snapshot, then the journal's tail, event by event.

Nothing starts on a journal that is behind what somebody else already knows of it: that would hand out the same
sequences for other events.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime
from typing import Protocol

import msgspec
import structlog

from kopitra.application.machine import Machine
from kopitra.application.ports.journal import Frame, Journal
from kopitra.application.ports.snapshots import Snapshot, Snapshots
from kopitra.application.ports.timing import Clock, Sleeper
from kopitra.application.steady_clock import SteadyClock
from kopitra.machine.codec import FrameUnreadable
from kopitra.machine.events import Recorded
from kopitra.machine.replay import ReplayFailed
from kopitra.machine.state import State
from kopitra.machine.state_codec import SnapshotUnreadable

YIELD_EVERY_EVENTS = 500
"""About 20 ms of work: liveness probes and the fence's verification go on meanwhile."""

log = structlog.get_logger("kopitra.recovery")


class JournalBehind(Exception):
    """Something outside the journal knows a later sequence than the journal holds: it was restored from an older copy,
    or it is not the journal that this instance wrote. Nothing is served before an operator has decided."""

    def __init__(self, journal: int, who: str, knows: int) -> None:
        super().__init__(f"the journal ends at sequence {journal}, but {who} knows sequence {knows}")
        self.journal = journal
        self.who = who
        self.knows = knows


class Claim(msgspec.Struct, frozen=True):
    """The last sequence that `who` has seen."""

    who: str
    sequence: int


Claims = Callable[[], Awaitable[Sequence[Claim]]]


class Rebuilt(Protocol):
    """A projection that can be carried in a snapshot."""

    def note(self, state: State, recorded: Recorded) -> None: ...
    def dump(self) -> bytes: ...
    def load(self, content: bytes) -> None:
        """Replace what is held; empty content means: start afresh."""
        ...


class SnapshotContent(msgspec.Struct, frozen=True, array_like=True):
    """What a snapshot's bytes hold: the state, and each projection's own bytes by name."""

    state: bytes
    projections: dict[str, bytes] = {}


_content = msgspec.msgpack.Decoder(SnapshotContent)


class Recovery:
    def __init__(
        self,
        *,
        journal: Journal,
        snapshots: Snapshots,
        machine: Machine,
        clock: Clock,
        sleeper: Sleeper,
        projections: dict[str, Rebuilt],
        claims: Sequence[Claims] = (),
        quarantined: Collection[int] = (),
    ) -> None:
        """A `clock` that is a steady one goes on from when the journal's last event was recorded."""
        self._journal = journal
        self._snapshots = snapshots
        self._machine = machine
        self._clock = clock
        self._sleeper = sleeper
        self._projections = projections
        self._claims = claims
        self._quarantined = quarantined
        self._last_at: datetime | None = None

    async def run(self) -> State:
        """Raises JournalBehind, ReplayFailed, JournalUnavailable, BlobsUnavailable."""
        started = self._clock.monotonic()
        head = await self._journal.head()
        state, snapshot = await self._from_snapshot(head)
        events = await self._replay(state)
        await self._check_claims(state)
        await self._go_on_from(state.sequence)
        state.grown.clear()
        log.info(
            "recovered",
            sequence=state.sequence,
            journal=state.journal_id,
            shard=state.shard,
            snapshot=snapshot,
            events=events,
            seconds=round(self._clock.monotonic() - started, 3),
        )
        return state

    async def _from_snapshot(self, head: int) -> tuple[State, int]:
        """The newest readable snapshot's state, or the empty one."""
        at_most: int | None = None
        while True:
            snapshot = await self._snapshots.latest(at_most)
            if snapshot is None:
                return self._fresh(), 0
            if snapshot.sequence > head:
                raise JournalBehind(head, "a snapshot", snapshot.sequence)
            state = self._read(snapshot)
            if state is not None:
                return state, snapshot.sequence
            at_most = snapshot.sequence - 1

    def _fresh(self) -> State:
        for projection in self._projections.values():
            projection.load(b"")
        return self._machine.new_state(self._journal.journal_id, self._journal.shard)

    def _read(self, snapshot: Snapshot) -> State | None:
        """None where it cannot be used: an older one, or the whole journal, gives the same state."""
        try:
            content = _content.decode(snapshot.content)
            state = self._machine.decode_state(content.state)
        except (msgspec.DecodeError, SnapshotUnreadable) as error:
            log.warning("snapshot_unreadable", sequence=snapshot.sequence, error=str(error))
            return None
        same = (state.journal_id, state.shard, state.sequence) == (
            self._journal.journal_id,
            self._journal.shard,
            snapshot.sequence,
        )
        if not same or self._machine.state_hash(state) != snapshot.state_hash:
            log.warning("snapshot_foreign", sequence=snapshot.sequence, journal=state.journal_id)
            return None
        for name, projection in self._projections.items():
            projection.load(content.projections.get(name, b""))
        return state

    async def _replay(self, state: State) -> int:
        events = since = 0
        async for commit in self._journal.read(after=state.sequence):
            for frame in commit:
                self._apply(state, frame)
            events += len(commit)
            since += len(commit)
            if since >= YIELD_EVERY_EVENTS:
                since = 0
                await self._sleeper.sleep(0)
        return events

    def _apply(self, state: State, frame: Frame) -> None:
        if frame.sequence in self._quarantined and frame.sequence == state.sequence + 1:
            log.warning("event_quarantined", sequence=frame.sequence)
            state.sequence = frame.last
            return
        try:
            recorded = self._machine.decode_event(frame.data)
            if (recorded.sequence, recorded.last) != (frame.sequence, frame.last):
                raise FrameUnreadable(f"its frame says {frame.sequence} to {frame.last}")
            for projection in self._projections.values():
                projection.note(state, recorded)
            self._machine.evolve(state, recorded)
            self._last_at = recorded.at
        except Exception as error:
            raise ReplayFailed(frame.sequence, error) from error

    async def _go_on_from(self, sequence: int) -> None:
        """No process tells an earlier time than the one before it did."""
        if not isinstance(self._clock, SteadyClock):
            return
        if self._last_at is None:  # a snapshot held everything
            for frame in await self._journal.frames([sequence]):
                if frame.sequence in self._quarantined:
                    continue
                self._last_at = self._machine.decode_event(frame.data).at
        if self._last_at is not None:
            self._clock.resume_from(self._last_at)

    async def _check_claims(self, state: State) -> None:
        known = [Claim(f"consumer {name}", sequence) for name, sequence in state.checkpoints.items()]
        for claims in self._claims:
            known.extend(await claims())
        for claim in known:
            if claim.sequence > state.sequence:
                raise JournalBehind(state.sequence, claim.who, claim.sequence)
