"""The hand's reports as inbox events: executions, then balances, then acks, so that a fill is known before its ack."""

from kopitra.domain.telemetry import ExecutionNotice, OutboxAck
from kopitra.protocol.events import InboxType
from kopitra_agent.courier import Consignment, balance_events, execution_events
from kopitra_agent.hand.desk import Desk
from kopitra_agent.hand.ledger import Ledger
from kopitra_agent.hand.reports import RECEIPT_AFTER_SECONDS, Reports
from kopitra_agent.ports.terminal import TerminalUnavailable
from kopitra_agent.telemetry.parcel import inbox_event

DEAL_LOOK_SECONDS = 0.1


class HandReportSource:
    def __init__(self, desk: Desk, ledger: Ledger, reports: Reports) -> None:
        self._desk = desk
        self._ledger = ledger
        self._reports = reports
        self._unread = True

    def look(self) -> None:
        """The ledger may have new lines: the terminal changed, or a command came to its end."""
        self._unread = True

    async def reports(self) -> Consignment | None:
        if self._unread or self._reports.waiting():
            self._unread = False
            try:
                await self._ledger.scan(self._desk.busy_magics())
            except TerminalUnavailable:
                self._unread = True  # what needs no ledger can still be told
        batch = self._reports.collect(self._desk)
        if not batch:
            return None
        acks: list[OutboxAck] = [*batch.receipts, *(outcome.ack() for outcome in batch.outcomes)]
        events = execution_events(ExecutionNotice(executions=list(batch.executions)))
        events += balance_events(batch.balances)
        events += [inbox_event(InboxType.ACK, ack) for ack in acks]
        return Consignment(
            events,
            lambda: self._reports.answered(batch),
            changes_account=bool(batch.executions or batch.balances),
        )

    def due_in(self) -> float | None:
        if self._reports.waiting():
            return DEAL_LOOK_SECONDS
        return RECEIPT_AFTER_SECONDS if self._desk.executing() else None
