"""What the hand still has to report, and what of it was answered."""

from collections.abc import Sequence

import msgspec

from kopitra.domain.identifiers import CommandId
from kopitra.domain.orders import OrderType
from kopitra.domain.telemetry import BalanceOperation, OutboxAck
from kopitra.domain.trading import AckStatus, Execution, OrderAction
from kopitra_agent.hand.desk import Desk
from kopitra_agent.hand.executions import execution_from_answer
from kopitra_agent.hand.floor import Floor
from kopitra_agent.hand.ledger import Ledger
from kopitra_agent.hand.records import Outcome, Reported

EXECUTIONS_A_POST = 200
ACKS_A_POST = 250
BALANCES_A_POST = 50
"""Together at most 500 events and some 150 KB: below the wire's limits with room for telemetry beside."""
DEAL_PATIENCE_SECONDS = 2.0
"""How long an ack waits for its deal to appear in the ledger, so that the fill is told before the ack."""
RECEIPT_AFTER_SECONDS = 1.0
"""A command that takes longer is acknowledged as received meanwhile."""


class HandReports(msgspec.Struct, frozen=True, kw_only=True):
    """One flush. `receipts` are acks that nothing depends on."""

    executions: Sequence[Execution]
    balances: Sequence[BalanceOperation]
    outcomes: Sequence[Outcome]
    receipts: Sequence[OutboxAck]

    def __bool__(self) -> bool:
        return bool(self.executions or self.balances or self.outcomes or self.receipts)


class Reports:
    def __init__(self, floor: Floor, ledger: Ledger) -> None:
        self._floor = floor
        self._memory = floor.memory
        self._ledger = ledger
        self._awaited: dict[CommandId, float] = {}

    def concluded(self, outcome: Outcome) -> None:
        """An outcome was written: its deals should appear in the ledger any moment."""
        if outcome.status is not AckStatus.EXECUTED and not outcome.deal_ids:
            return
        if any(not self._ledger.has_seen(deal_id) for deal_id in outcome.deal_ids):
            self._awaited[outcome.command_id] = self._floor.clock.monotonic() + DEAL_PATIENCE_SECONDS
        elif not outcome.deal_ids and trades_at_market(outcome):
            self._tell_from_answer(outcome)

    def collect(self, desk: Desk) -> HandReports:
        """What may be reported now. Acks wait for their deals, and for a first look at the ledger after a start."""
        self._review()
        state = self._memory.state
        ready = [outcome for outcome in state.unreported.values() if self._is_ready(outcome)]
        return HandReports(
            executions=state.executions[:EXECUTIONS_A_POST],
            balances=state.balances[:BALANCES_A_POST],
            # an ack whose fill is further back in the queue would overtake it
            outcomes=ready[:ACKS_A_POST] if len(state.executions) <= EXECUTIONS_A_POST else [],
            receipts=self._receipts(desk),
        )

    def answered(self, reports: HandReports) -> None:
        self._memory.record_anyway(
            Reported(
                executions=len(reports.executions),
                balances=len(reports.balances),
                commands=[outcome.command_id for outcome in reports.outcomes],
            ),
            flush=False,  # told again after a loss of power, and recognised
        )

    def pending(self) -> int:
        state = self._memory.state
        return len(state.executions) + len(state.balances) + len(state.unreported)

    def waiting(self) -> bool:
        """Whether an ack waits for its deal to appear."""
        return bool(self._awaited)

    def _is_ready(self, outcome: Outcome) -> bool:
        if outcome.command_id in self._awaited:
            return False
        return self._ledger.scanned or outcome.status is not AckStatus.EXECUTED

    def _review(self) -> None:
        now = self._floor.clock.monotonic()
        for command, until in list(self._awaited.items()):
            outcome = self._memory.state.outcomes.get(command)
            missing = outcome is not None and any(not self._ledger.has_seen(d) for d in outcome.deal_ids)
            if missing and now < until:
                continue
            del self._awaited[command]
            if missing and outcome is not None:
                self._tell_from_answer(outcome)

    def _tell_from_answer(self, outcome: Outcome) -> None:
        execution = execution_from_answer(outcome, self._ledger.owner, self._floor.clock.now())
        if execution is not None:
            self._ledger.tell(execution)

    def _receipts(self, desk: Desk) -> list[OutboxAck]:
        late = desk.waiting_since(self._floor.clock.monotonic() - RECEIPT_AFTER_SECONDS)[:ACKS_A_POST]
        for work in late:
            work.told = True
        return [OutboxAck(event_id=w.event_id, sequence=w.sequence, status=AckStatus.RECEIVED) for w in late]


def trades_at_market(outcome: Outcome) -> bool:
    """Whether it filled something at once: an order that was only placed has not."""
    at_market = outcome.action in (OrderAction.OPEN, OrderAction.OFFSET)
    return at_market and outcome.order_type is OrderType.MARKET
