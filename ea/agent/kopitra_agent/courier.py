"""Everything for the inbox goes through here, one post at a time: reports first, then what telemetry is due.

Reports are posted until they are answered; telemetry once, for a newer one replaces it. While a post is under way more
gathers, so the busier the follower, the more each post carries.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import msgspec
import structlog

from kopitra.domain.telemetry import BalanceOperation, EaError, ExecutionNotice, OutboxAck
from kopitra.protocol.events import InboxType
from kopitra.protocol.limits import MAX_TEXT_LENGTH
from kopitra.protocol.messages import InboxEvent
from kopitra_agent.link.dead_letters import DeadLetters
from kopitra_agent.link.line import Line, Refused
from kopitra_agent.pacing import Bell
from kopitra_agent.ports.terminal import TerminalUnavailable
from kopitra_agent.ports.timing import Sleeper
from kopitra_agent.telemetry.parcel import INBOX_PATH, Parcel, inbox_body, inbox_event

KEPT_NOTES = 200
"""Notes (errors, acks of notices) are told once if possible; beyond this the oldest go."""
TERMINAL_PAUSE_SECONDS = 1.0

log: structlog.stdlib.BoundLogger = structlog.get_logger("kopitra.agent")


class Consignment(msgspec.Struct, frozen=True):
    """Reports that must be answered; `answered` is called once they are (or can never be)."""

    events: Sequence[InboxEvent]
    answered: Callable[[], None]
    changes_account: bool = False


class ReportSource(Protocol):
    async def reports(self) -> Consignment | None:
        """What must be told now. Raises TerminalUnavailable."""
        ...

    def due_in(self) -> float | None:
        """Seconds after which to ask again though no bell rings."""
        ...


class TelemetrySource(Protocol):
    def due_in(self) -> float: ...

    async def parcel(self) -> Parcel | None: ...


class Courier:
    """Ring `bell` when there is something to report. Reports are posted in the order of their sources."""

    def __init__(self, line: Line, dead_letters: DeadLetters, sleeper: Sleeper) -> None:
        self._line = line
        self._dead_letters = dead_letters
        self._reports: list[ReportSource] = []
        self._telemetry: list[TelemetrySource] = []
        self._account_event: Callable[[], Awaitable[InboxEvent]] | None = None
        self._notes: deque[InboxEvent] = deque(maxlen=KEPT_NOTES)
        self._posting = False
        self.bell = Bell(sleeper)

    def collect_from(self, source: ReportSource) -> None:
        self._reports.append(source)

    def tell_of(
        self, telemetry: Sequence[TelemetrySource], account: Callable[[], Awaitable[InboxEvent]]
    ) -> None:
        """Take telemetry from these, and the account's figures from `account` after what changed them."""
        self._telemetry += telemetry
        self._account_event = account

    @property
    def busy(self) -> bool:
        """Whether something is being posted or waits for it."""
        return self._posting or bool(self._notes)

    def ack(self, ack: OutboxAck) -> None:
        """Answer an outbox event that is not a command."""
        self._note(InboxType.ACK, ack)

    def trouble(self, code: str, message: str) -> None:
        """Tell an operator by `ea.error`."""
        log.warning("trouble", code=code, detail=message)
        self._note(InboxType.ERROR, EaError(code=code, message=message[:MAX_TEXT_LENGTH]))

    async def run(self) -> None:
        while True:
            await self.flush()
            await self._post_telemetry()
            await self.bell.wait(self._rest())

    async def flush(self) -> None:
        """Post reports until none is left."""
        while await self._post_reports():
            pass

    async def _post_reports(self) -> bool:
        consignments = [c for source in self._reports if (c := await self._gather(source)) is not None]
        notes = list(self._notes)
        self._notes.clear()
        events = [event for c in consignments for event in c.events] + notes
        if not events:
            return False
        self._posting = True
        if any(c.changes_account for c in consignments):
            events += await self._account()
        await self._deliver(events)
        for consignment in consignments:
            consignment.answered()
        self._posting = False
        return True

    async def _gather(self, source: ReportSource) -> Consignment | None:
        try:
            return await source.reports()
        except TerminalUnavailable:
            return None

    async def _account(self) -> list[InboxEvent]:
        """The account's new figures travel with the fills that changed them, so that the next size is made of them."""
        try:
            return [await self._account_event()] if self._account_event is not None else []
        except TerminalUnavailable:
            return []

    async def _deliver(self, events: Sequence[InboxEvent]) -> None:
        """Post until answered. One bad event must not take its neighbours with it: halve until it is alone."""
        body = inbox_body(events)
        try:
            await self._line.deliver(INBOX_PATH, body)
        except Refused as refused:
            if len(events) > 1:
                middle = len(events) // 2
                await self._deliver(events[:middle])
                await self._deliver(events[middle:])
                return
            self._dead_letters.put(INBOX_PATH, body, refused)
            if events[0].event_type != InboxType.ERROR:
                self.trouble("report_refused", f"{events[0].event_type}: {refused}")

    async def _post_telemetry(self) -> None:
        for source in self._telemetry:
            if source.due_in() > 0:
                continue
            try:
                parcel = await source.parcel()
            except TerminalUnavailable:
                continue
            if parcel is not None:
                parcel.done(await self._post(parcel))

    async def _post(self, parcel: Parcel) -> bool:
        for body in parcel.bodies:
            try:
                if not await self._line.attempt(INBOX_PATH, body):
                    return False
            except Refused as refused:
                self._dead_letters.put(INBOX_PATH, body, refused)
                self.trouble("telemetry_refused", str(refused))
            await self.flush()  # a long set of parts keeps no report waiting
        return True

    def _rest(self) -> float:
        due = [source.due_in() for source in self._telemetry]
        due += [seconds for source in self._reports if (seconds := source.due_in()) is not None]
        return max(min(due, default=TERMINAL_PAUSE_SECONDS), 0.0) or TERMINAL_PAUSE_SECONDS

    def _note(self, kind: InboxType, payload: msgspec.Struct) -> None:
        self._notes.append(inbox_event(kind, payload))
        self.bell.ring()


def balance_events(balances: Sequence[BalanceOperation]) -> list[InboxEvent]:
    return [inbox_event(InboxType.BALANCE_OPERATION, balance) for balance in balances]


def execution_events(notice: ExecutionNotice) -> list[InboxEvent]:
    return [inbox_event(InboxType.EXECUTION_NOTICE, notice)] if notice.executions else []
