"""What outbox events mean: commands go to the desk, halts take effect at once, notices are answered."""

from collections.abc import Callable

import msgspec

from kopitra.domain.telemetry import OutboxAck
from kopitra.domain.trading import AckStatus, Order
from kopitra.protocol.events import TRADE_TYPE_OF, OutboxType
from kopitra.protocol.messages import OutboxAnswer, OutboxEvent
from kopitra_agent.courier import Courier
from kopitra_agent.hand.desk import Desk
from kopitra_agent.hand.records import HaltChanged
from kopitra_agent.link.session import SessionKeeper

COMMANDS = frozenset({*TRADE_TYPE_OF.values(), OutboxType.ORDER_COMMAND})
HALTS = frozenset({OutboxType.TRADING_HALTED, OutboxType.TRADING_RESUMED})


class Inbound:
    """`desk` is None where the agent only leads; `on_resync` is called when the counterparty asks for everything."""

    def __init__(
        self, desk: Desk | None, courier: Courier, keeper: SessionKeeper, on_resync: Callable[[], None]
    ) -> None:
        self._desk = desk
        self._courier = courier
        self._keeper = keeper
        self._on_resync = on_resync
        self._journal = ""
        self._highest = 0

    def session_opened(self, journal: str, resume_cursor: int) -> None:
        """Everything up to the cursor has been dealt with."""
        if journal != self._journal:
            self._journal, self._highest = journal, 0
        self._highest = max(self._highest, resume_cursor)

    def applied_through(self) -> int:
        """The outbox sequence up to which every command has an outcome."""
        lowest = self._desk.lowest_unfinished() if self._desk is not None else None
        return self._highest if lowest is None else min(lowest - 1, self._highest)

    def take(self, answer: OutboxAnswer, arrived: float, *, more: bool) -> None:
        """Take in one page; `arrived` on the monotonic clock; `more`: further pages wait, so no open may start yet."""
        if answer.journal_id != self._journal:
            self._journal, self._highest = answer.journal_id, 0
        events = {event.sequence: event for event in (*answer.urgent, *answer.events)}
        for event in sorted(events.values(), key=lambda e: (e.event_type not in HALTS, e.sequence)):
            self._dispatch(event, arrived)
        # urgent ones may be far ahead of this page: only the page itself counts as seen
        self._highest = max([self._highest, answer.cursor, *(event.sequence for event in answer.events)])
        if self._desk is not None:
            self._desk.page_taken(more=more)

    def _dispatch(self, event: OutboxEvent, arrived: float) -> None:
        if event.event_type in COMMANDS:
            self._command(event, arrived)
            return
        status, reason = AckStatus.EXECUTED, None
        match event.event_type:
            case OutboxType.TRADING_HALTED | OutboxType.TRADING_RESUMED:
                self._halt(event)
            case OutboxType.RESYNC_REQUESTED:
                self._on_resync()
            case OutboxType.SESSION_APPROVED:
                self._keeper.approve()
            case (
                OutboxType.SESSION_REJECTED
                | OutboxType.SESSION_RELEASED
                | OutboxType.SESSION_EXPIRED
                | OutboxType.CONFIG_CHANGED
            ):
                pass  # nothing of ours depends on it; a dead token shows itself by 401
            case _:
                status, reason = AckStatus.REJECTED, "unknown_event_type"
        self._ack(event, status, reason)

    def _command(self, event: OutboxEvent, arrived: float) -> None:
        if self._desk is None:
            self._ack(event, AckStatus.REJECTED, "not_a_follower")
            return
        try:
            order = msgspec.convert(event.payload, Order, strict=False)
        except msgspec.ValidationError as error:
            self._courier.trouble("command_malformed", f"{event.event_id}: {error}")
            self._ack(event, AckStatus.FAILED, "malformed")
            return
        self._desk.accept(order, event.event_id, event.sequence, arrived)

    def _halt(self, event: OutboxEvent) -> None:
        if self._desk is not None:
            halted = event.event_type == OutboxType.TRADING_HALTED
            self._desk.halt(HaltChanged(halted=halted, sequence=event.sequence, journal=self._journal))

    def _ack(self, event: OutboxEvent, status: AckStatus, reason: str | None) -> None:
        self._courier.ack(
            OutboxAck(event_id=event.event_id, sequence=event.sequence, status=status, reason=reason)
        )
