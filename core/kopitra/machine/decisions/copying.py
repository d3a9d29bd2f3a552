"""Which function decides which command of copying."""

from kopitra.machine import commands as asked
from kopitra.machine.decisions import (
    acks,
    executions,
    guard_hits,
    halts,
    operator,
    proposals,
    signals,
    snapshots,
    ticks,
)

COPYING = {
    asked.TakeSignal: signals.take_signal,
    asked.TakeAck: acks.take_ack,
    asked.TakeExecution: executions.take_execution,
    asked.TakeSnapshot: snapshots.take_snapshot,
    asked.DecideProposal: proposals.decide_proposal,
    asked.Halt: halts.halt,
    asked.Resume: halts.resume,
    asked.ResetGuard: guard_hits.reset_guard,
    asked.PlaceOperatorOrder: operator.place_operator_order,
    asked.Tick: ticks.tick,
}
