"""What every procedure of the hand works with: the terminal, the memory, time, and how an outcome is put together."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal

import msgspec

from kopitra.domain.identifiers import CommandId
from kopitra.domain.trading import AckStatus
from kopitra_agent.hand.memory import HandMemory
from kopitra_agent.hand.records import Intent, Outcome, order_outcome
from kopitra_agent.hand.retcodes import Reading
from kopitra_agent.hand.shared_reading import SharedReading
from kopitra_agent.hand.worklist import Work
from kopitra_agent.ports.storage import StorageFailed
from kopitra_agent.ports.terminal import PendingOrder, Position, Terminal, TerminalUnavailable, TradeResult
from kopitra_agent.ports.timing import Clock, Sleeper

SENDS = 3
"""Attempts with a fresh price before a requote or a busy line counts as a refusal."""
RETRY_PAUSE_SECONDS = 0.3
TERMINAL_PAUSE_SECONDS = 0.5
TERMINAL_BACK_SECONDS = 5.0
"""When a command that found no terminal is worth driving again."""


class Floor:
    def __init__(
        self,
        terminal: Terminal,
        memory: HandMemory,
        clock: Clock,
        sleeper: Sleeper,
        settle_seconds: float,
        *,
        netting: bool = False,
    ) -> None:
        self.terminal = terminal
        self.memory = memory
        self.clock = clock
        self.sleeper = sleeper
        self.settle_seconds = settle_seconds
        self.netting = netting
        """The account has one position per symbol, which belongs to no copy alone."""
        self.positions: SharedReading[Sequence[Position]] = SharedReading(terminal.positions)
        self.orders: SharedReading[Sequence[PendingOrder]] = SharedReading(terminal.orders)
        self._doubted: dict[CommandId, float] = {}
        self.on_trouble: Callable[[str, str], None] = lambda code, message: None
        """Told of what an operator should know of, as code and sentence."""
        self.undone_before: Callable[[Work], Decimal] = lambda work: Decimal(0)
        """Lots, long positive, by which commands before this one have not changed its net, though the core counts on
        them: they are in hand still, or came to nothing."""

    def intend(self, work: Work, volume: Decimal, ledger: int | None = None) -> Intent:
        """Write down what is about to be sent; `ledger`: the last ordinal there is, where it was looked up. Raises
        StorageFailed: then it must not be sent."""
        intent = Intent(
            order=work.order,
            event_id=work.event_id,
            sequence=work.sequence,
            ledger=self.memory.state.cursor if ledger is None else ledger,
            volume=volume,
            at=self.clock.now(),
        )
        self.memory.record(intent)
        return intent

    def intend_reduction(self, work: Work, volume: Decimal) -> None:
        """As `intend`, but closing goes on without a working disk: repeating it is harmless."""
        try:
            self.intend(work, volume)
        except StorageFailed as error:
            self.on_trouble("storage_failed", f"closing without a written intent: {error}")

    def doubted_since(self, opens: CommandId) -> float:
        """When something first had to wait for what became of this open, by the monotonic clock; as long as its outcome
        is remembered."""
        if opens not in self._doubted:
            known = self.memory.state.outcomes
            self._doubted = {each: at for each, at in self._doubted.items() if each in known}
            self._doubted[opens] = self.clock.monotonic()
        return self._doubted[opens]

    async def require_synchronised(self) -> None:
        """Raises TerminalUnavailable while the book may be incomplete: then nothing's absence means anything."""
        account = await self.terminal.account()
        if not (account.connected and account.synchronised):
            raise TerminalUnavailable("not synchronised")

    async def pause(self, attempt: int) -> None:
        await self.sleeper.sleep(RETRY_PAUSE_SECONDS * (attempt + 1))

    def expired(self, work: Work) -> bool:
        return work.deadline is not None and self.clock.monotonic() >= work.deadline

    def halted(self) -> bool:
        halt = self.memory.state.halt
        return halt is not None and halt.halted

    def deferred(self, work: Work, reason: str, seconds: float, retcode: int | None = None) -> Outcome:
        """Not now: the core is to drive it again after so many seconds."""
        outcome = self.outcome(work, AckStatus.DEFERRED, reason)
        retry_at = self.clock.now() + timedelta(seconds=seconds)
        return msgspec.structs.replace(outcome, retry_at=retry_at, retcode=retcode)

    def refused(self, work: Work, result: TradeResult, reading: Reading) -> Outcome:
        """The broker's no; for a while (with a time to come back) or for good."""
        if reading.later:
            return self.deferred(work, reading.reason, reading.later, result.retcode)
        outcome = self.outcome(work, AckStatus.REJECTED, reading.reason)
        return msgspec.structs.replace(outcome, retcode=result.retcode)

    def outcome(self, work: Work, status: AckStatus, reason: str | None = None) -> Outcome:
        return order_outcome(work.order, work.event_id, work.sequence, status, reason=reason)

    def executed(self, work: Work, results: Sequence[TradeResult]) -> Outcome:
        """Done by these answers; volume and price are those of the last."""
        last = results[-1]
        return msgspec.structs.replace(
            self.outcome(work, AckStatus.EXECUTED),
            retcode=last.retcode,
            order_ticket=last.order_ticket,
            position_id=last.position_id,
            position_ticket=last.remainder_ticket or last.position_ticket,
            deal_ids=[r.deal_id for r in results if r.deal_id is not None],
            volume=last.volume,
            price=last.price,
        )

    def tombstone(self, outcome: Outcome, opens: CommandId | None) -> Outcome:
        """Remember that an open must never be sent, if it was never met."""
        if opens is None or self.memory.opened(opens):
            return outcome
        return msgspec.structs.replace(outcome, tombstone=opens)


def belongs(position: Position, work: Work, position_id: int | None) -> bool:
    """Whether a position is the command's: by magic number and symbol, else by its lasting id, else by ticket."""
    order = work.order
    if order.magic and (position.magic, position.symbol) == (order.magic, order.symbol):
        return True
    known = {position_id, order.position_id} - {None}
    if known:
        return position.position_id in known
    return order.ticket is not None and position.ticket == order.ticket
