"""Takes commands in, starts them when their turn comes, and writes down what came of each."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
import structlog

from kopitra.domain.identifiers import CommandId, EventId
from kopitra.domain.trading import AckStatus, Order, OrderAction
from kopitra_agent.hand.floor import Floor
from kopitra_agent.hand.procedures import PROCEDURES
from kopitra_agent.hand.records import HaltChanged, Outcome, order_outcome
from kopitra_agent.hand.undone import Undone
from kopitra_agent.hand.worklist import Work, Worklist

DEFAULT_TTL_SECONDS = 60.0
"""An open that came without a time to live still goes stale."""
MILLISECONDS = 1000

Spawn = Callable[[Coroutine[Any, Any, None]], object]

log: structlog.stdlib.BoundLogger = structlog.get_logger("kopitra.agent")


class Desk:
    """`on_outcome` is told of each outcome as it is written, `on_repeat` when a known one is to be reported again."""

    def __init__(
        self,
        floor: Floor,
        worklist: Worklist,
        on_outcome: Callable[[Outcome], None],
        on_repeat: Callable[[], None],
    ) -> None:
        self._floor = floor
        self._memory = floor.memory
        self._worklist = worklist
        self._undone = Undone(floor.memory, floor.clock)
        floor.undone_before = lambda work: worklist.undone_before(work) + self._undone.before(work)
        self._on_outcome = on_outcome
        self._on_repeat = on_repeat
        self._spawn: Spawn = asyncio.create_task
        self._idle = asyncio.Event()
        self._idle.set()

    def start(self, spawn: Spawn) -> None:
        """Begin with what an earlier life left unresolved; `spawn` runs a command's task."""
        self._spawn = spawn
        for intent in list(self._memory.state.intents.values()):
            self._queue(
                Work(
                    order=intent.order,
                    event_id=intent.event_id,
                    sequence=intent.sequence,
                    arrived=self._floor.clock.monotonic(),
                    intent=intent,
                )
            )
        self._pump()

    def accept(self, order: Order, event_id: EventId, sequence: int, arrived: float) -> None:
        """Take in a command, or one that is delivered again; `arrived` on the monotonic clock. It starts
        with `page_taken` at the earliest, when whatever came with it is known."""
        if self._worklist.find(order.command_id) is not None:
            return
        known = self._memory.state.outcomes.get(order.command_id)
        if known is not None and not self._may_run_again(known):
            self._repeat(known, event_id, sequence)
            return
        deadline = None
        if order.action is OrderAction.OPEN:
            ttl = DEFAULT_TTL_SECONDS if order.ttl_ms is None else order.ttl_ms / MILLISECONDS
            deadline = arrived + ttl
        work = Work(
            order=order,
            event_id=event_id,
            sequence=sequence,
            arrived=arrived,
            deadline=deadline,
            unheard=self._undone.unheard(),
        )
        self._undone.again(order.command_id)
        if order.action is OrderAction.OPEN and self._floor.halted():
            self._conclude(work, self._floor.outcome(work, AckStatus.REJECTED, "halted"))
            return
        self._queue(work)

    def page_taken(self, *, more: bool) -> None:
        """Start what may start. While `more` pages wait no open does: its close may be among them."""
        self._worklist.opens_held = more
        self._pump()

    def halt(self, change: HaltChanged) -> None:
        """Stop opening (or go on); what waits to open is refused. An older change delivered again is ignored."""
        before = self._memory.state.halt
        if before is not None and before.journal == change.journal and before.sequence >= change.sequence:
            return
        self._memory.record_anyway(change)
        if change.halted:
            for work in self._worklist.withdraw_opens():
                self._conclude(work, self._floor.outcome(work, AckStatus.REJECTED, "halted"))

    def waiting_since(self, before: float) -> list[Work]:
        """Commands in hand since before that time whose receipt nobody was told of yet."""
        return [work for work in self._worklist.all() if work.arrived <= before and not work.told]

    def executing(self) -> list[CommandId]:
        return [work.order.command_id for work in self._worklist.running()]

    def busy_magics(self) -> set[int]:
        return {work.order.magic for work in self._worklist.running()}

    def lowest_unfinished(self) -> int | None:
        """The lowest outbox sequence in hand."""
        return min((work.sequence for work in self._worklist.all()), default=None)

    async def idle(self) -> None:
        """Return when no command is in hand."""
        await self._idle.wait()

    def _may_run_again(self, known: Outcome) -> bool:
        """Only what was put off, and told so, runs again, once its time has come: none of it was executed. Any other
        outcome is what this id came to, however often it is delivered; so is an offset that was put off, because a part
        of it may have been traded, and the core drives it again under another id."""
        if known.action is OrderAction.OFFSET:
            return False
        if known.status is not AckStatus.DEFERRED or known.command_id in self._memory.state.unreported:
            return False
        return known.retry_at is None or known.retry_at <= self._floor.clock.now()

    def _repeat(self, known: Outcome, event_id: EventId, sequence: int) -> None:
        waiting = self._memory.state.unreported.get(known.command_id)
        if waiting is None or waiting.event_id != event_id:
            told = msgspec.structs.replace(
                self._as_it_turned_out(known), event_id=event_id, sequence=sequence
            )
            self._memory.requeue(told)
        self._on_repeat()

    def _as_it_turned_out(self, known: Outcome) -> Outcome:
        """An open that could not be found, but whose deals came to light since."""
        copy = self._memory.state.copies.get(known.magic)
        if known.status is not AckStatus.UNKNOWN or copy is None or copy.opened_by != known.command_id:
            return known
        if copy.position_id is None and copy.volume <= 0:
            return known
        return msgspec.structs.replace(known, status=AckStatus.EXECUTED, reason="found")

    def _queue(self, work: Work) -> None:
        self._idle.clear()
        for dropped in self._worklist.add(work):
            self._conclude(dropped.work, self._floor.outcome(dropped.work, dropped.status, dropped.reason))

    def _pump(self) -> None:
        while (work := self._worklist.take()) is not None:
            self._spawn(self._run(work))
        if not len(self._worklist):
            self._idle.set()

    async def _run(self, work: Work) -> None:
        try:
            outcome = await PROCEDURES[work.order.action](self._floor, work)
        except Exception as error:
            log.exception("command.failed", command=work.order.command_id)
            self._floor.on_trouble("command_failed", f"{work.order.command_id}: {error!r}")
            outcome = self._after_failure(work)
        self._conclude(work, outcome)
        self._worklist.finish(work)
        self._pump()

    def _after_failure(self, work: Work) -> Outcome:
        """A fault of ours. An open that may have been sent is unknown; anything else failed."""
        sent = work.order.command_id in self._memory.state.intents
        repeatable = work.order.action not in (OrderAction.OPEN, OrderAction.OFFSET)
        status = AckStatus.UNKNOWN if sent and not repeatable else AckStatus.FAILED
        return order_outcome(work.order, work.event_id, work.sequence, status, reason="agent_fault")

    def _conclude(self, work: Work, outcome: Outcome) -> None:
        self._undone.note(work, outcome, self._worklist.all())
        if self._floor.netting:  # the one position of its symbol is nobody's own
            outcome = msgspec.structs.replace(outcome, position_id=None, position_ticket=None)
        if not self._memory.record_anyway(outcome):
            self._floor.on_trouble("storage_failed", f"outcome of {outcome.command_id} is only in memory")
        self._on_outcome(outcome)
