"""Decide commands one after another against the live state; answer once what they changed is durable.

The state runs ahead of the journal: each event is applied to it before it is appended, and what is not yet durable is
never shown. When an append fails, or an event cannot be applied, the state is thrown away and rebuilt from the journal
(docs/decisions/0060). All of a request's commands go into one commit as long as they fit.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import structlog

from kopitra.application.group_commit import GroupCommitter
from kopitra.application.machine import Machine
from kopitra.application.ports.journal import Fence, Frame, FrameTooLarge, JournalError
from kopitra.application.ports.timing import Clock
from kopitra.application.submission import (
    DEFECT,
    PLAN_TOO_LARGE,
    Outcome,
    Phase,
    Remember,
    Taken,
    Unavailable,
)
from kopitra.domain.identifiers import AccountId, RequestId
from kopitra.machine.commands import Command
from kopitra.machine.events import Recorded
from kopitra.machine.outcome import Context, Decision, Refusal
from kopitra.machine.readings import Readings
from kopitra.machine.stamp import stamp
from kopitra.machine.state import State

MOST_WAITING = 5_000
"""Requests that wait for their commit; half of what the committer queues, as a request may need two commits."""

log = structlog.get_logger("kopitra.engine")


class CommitRoom(Protocol):
    """What the journal says of frames before they are appended."""

    @property
    def room(self) -> int: ...
    def cost(self, frame: Frame) -> int: ...
    def admit(self, frames: Sequence[Frame]) -> None: ...


class Projection(Protocol):
    """Something else that is built from events."""

    def note(self, state: State, recorded: Recorded) -> None:
        """Called before the event is applied."""
        ...


class _Group:
    """What one request adds to the journal in one commit."""

    __slots__ = ("cost", "frames", "grown")

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.grown: set[AccountId] = set()
        self.cost = 0


class _StateSpoiled(Exception):
    """An event was decided, but could not be applied."""


class Engine:
    """`fenced` says whether this instance is proven to be the writer; `on_committed` gets every durable sequence and
    the accounts whose outbox grew. `trouble` ends once a term, when the state has to be rebuilt."""

    def __init__(
        self,
        *,
        journal: CommitRoom,
        clock: Clock,
        machine: Machine,
        fenced: Callable[[], bool],
        projections: Sequence[Projection] = (),
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._machine = machine
        self._fenced = fenced
        self._projections = projections
        self._committer: GroupCommitter | None = None
        self._state: State | None = None
        self._committed = 0
        self._waiting = 0
        self._last: asyncio.Future[Fence] | None = None
        self.on_committed: list[Callable[[int, Iterable[AccountId]], None]] = []
        self.readings = Readings()
        self.phase = Phase.STANDBY
        self.serving_since = 0.0
        """On the monotonic clock: since when the readings grow that this instance has."""
        self.trouble: asyncio.Future[JournalError | None] | None = None

    @property
    def state(self) -> State:
        """The live state, including what is not durable yet: compare sequences with `committed`."""
        if self._state is None:
            raise self._unavailable()
        return self._state

    @property
    def committed(self) -> int:
        return self._committed

    def require_serving(self) -> None:
        """Raises Unavailable."""
        if self.phase is not Phase.SERVING or not self._fenced():
            raise self._unavailable()

    def begin(self, state: State, committer: GroupCommitter, readings: Readings | None = None) -> None:
        """Serve from this state on. Without `readings`, those of before go on being true, as far as they are proven."""
        self._state = state
        self._committer = committer
        self._committed = state.sequence
        self._last = None
        if readings is not None:
            self.readings = readings
            self.serving_since = self._clock.monotonic()
        self.trouble = asyncio.get_running_loop().create_future()
        self.phase = Phase.SERVING

    def end(self, phase: Phase) -> None:
        """Refuse everything from now on; what waits for its commit still gets its answer."""
        self._spoil(None)
        self.phase = phase

    async def settled(self) -> None:
        """Return once nothing waits for its commit. Raises Unavailable when that failed."""
        last = self._last
        if last is not None and not (last.done() and last.exception() is None):
            await self._durable(last)

    def commit_failed(self, error: JournalError) -> None:
        """The committer's first word of a failure, before anyone is answered: nothing speculative is true any more."""
        log.error("commit_failed", error=str(error), code=error.code, committed=self._committed)
        self._spoil(error)

    async def submit(
        self,
        commands: Iterable[Command],
        *,
        request_id: RequestId | None = None,
        actor: str | None = None,
        remember: Remember | None = None,
    ) -> tuple[Outcome, ...]:
        """Decide the commands in order and return what became of each, once all of it is durable. That goes for
        refusals too: they may rest on something that is not durable yet. Raises Unavailable."""
        self.require_serving()
        if self._waiting >= MOST_WAITING:
            raise Unavailable("overloaded", f"{MOST_WAITING} requests wait for the journal.")
        outcomes = self._decide_all(commands, request_id, actor, remember)
        await self.settled()
        return outcomes

    def _decide_all(
        self,
        commands: Iterable[Command],
        request_id: RequestId | None,
        actor: str | None,
        remember: Remember | None,
    ) -> tuple[Outcome, ...]:
        context = Context(now=self._clock.now(), readings=self.readings, request_id=request_id, actor=actor)
        group = _Group()
        outcomes: list[Outcome] = []
        try:
            for command in commands:
                group, outcome = self._take(command, context, group)
                outcomes.append(outcome)
            answer = remember(outcomes) if remember is not None and group.frames else None
            if answer is not None:
                group, _ = self._take(answer, context, group)
        except _StateSpoiled:
            self._append(group)
            self._spoil(None)
            raise Unavailable("recovering", "The state is being rebuilt; send the request again.") from None
        self._append(group)
        self._note_proof()
        return tuple(outcomes)

    def _take(self, command: Command, context: Context, group: _Group) -> tuple[_Group, Outcome]:
        """The outcome, and the group that now holds the command's frames."""
        state = self.state
        try:
            result = self._machine.decide(state, command, context)
            if isinstance(result, Refusal):
                return group, result
            recorded = stamp(result.events, state.sequence, context)
            frames = [Frame(r.sequence, r.last, self._machine.encode_event(r)) for r in recorded]
            room = self._room_for(frames, group)
        except Exception:
            # Deciding changes nothing, so the state is as good as before.
            log.exception(
                "command_defect",
                command=type(command).__name__,
                sequence=state.sequence,
                request_id=context.request_id,
            )
            return group, DEFECT
        if room is None:
            return group, PLAN_TOO_LARGE
        self._apply(state, command, recorded)
        if room is not group:
            self._append(group)
        room.frames.extend(frames)
        room.grown |= state.grown
        state.grown.clear()
        return room, _taken(state, result, recorded)

    def _apply(self, state: State, command: Command, recorded: Sequence[Recorded]) -> None:
        for event in recorded:
            try:
                for projection in self._projections:
                    projection.note(state, event)
                self._machine.evolve(state, event)
            except Exception:
                log.exception(
                    "event_defect",
                    command=type(command).__name__,
                    applied=type(event.event).__name__,
                    sequence=event.sequence,
                    request_id=event.request_id,
                )
                raise _StateSpoiled from None

    def _room_for(self, frames: list[Frame], group: _Group) -> _Group | None:
        """The group itself where the frames still fit its commit, a new one where they fit one of their own."""
        cost = sum(map(self._journal.cost, frames))
        if group.cost + cost > self._journal.room:
            if group.frames:
                return self._room_for(frames, _Group())
            try:
                self._journal.admit(frames)
            except FrameTooLarge:
                return None
        group.cost += cost
        return group

    def _append(self, group: _Group) -> None:
        if not group.frames:
            return
        assert self._committer is not None
        last, state = group.frames[-1].last, self._state

        def advance(done: "asyncio.Future[Fence]") -> None:
            if done.exception() is None and state is self._state:
                self._committed = last
                self._note_proof()
                # A turn later, so that whoever waits for this commit is answered before a thousand polls are woken.
                # In order, so that a seeded run is the same whatever the process's hashes.
                asyncio.get_running_loop().call_soon(self._tell, last, sorted(group.grown))

        try:
            commit = self._last = self._committer.submit(group.frames)
        except JournalError as error:
            # Applied already, and now it will not be written: the state is ahead for ever.
            self.commit_failed(error)
            raise Unavailable("journal_unavailable", "The journal did not take the write.") from None
        commit.add_done_callback(advance)

    def _note_proof(self) -> None:
        if self._state is not None and self._committed == self._state.sequence:
            self.readings.prove()

    def _tell(self, last: int, grown: Iterable[AccountId]) -> None:
        for listener in self.on_committed:
            listener(last, grown)

    async def _durable(self, commit: "asyncio.Future[Fence]") -> None:
        self._waiting += 1
        try:
            await asyncio.shield(commit)
        except JournalError:
            raise Unavailable("journal_unavailable", "The journal did not take the write.") from None
        finally:
            self._waiting -= 1

    def _spoil(self, cause: JournalError | None) -> None:
        """The state is no longer what the journal says: refuse all, and ask for a rebuild."""
        if self.phase is Phase.SERVING:
            self.phase = Phase.RECOVERING
        if self.trouble is not None and not self.trouble.done():
            self.trouble.set_result(cause)

    def _unavailable(self) -> Unavailable:
        if self.phase is Phase.SERVING:
            return Unavailable(
                "unverified", "This instance cannot prove at the moment that it is the active one."
            )
        return Unavailable(str(self.phase), f"This instance is {self.phase}.")


def _taken(state: State, decision: Decision, recorded: Sequence[Recorded]) -> Taken:
    if not recorded:
        return Taken(state.sequence, state.sequence, False, decision.answer)
    return Taken(recorded[0].sequence, recorded[-1].last, True, decision.answer)
