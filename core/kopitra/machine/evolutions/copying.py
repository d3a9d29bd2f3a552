"""Which function applies which event of copying."""

from kopitra.machine import events as happened
from kopitra.machine.evolutions import (
    acks,
    control,
    copies,
    correcting,
    executions,
    leading,
    netting,
    snapshots,
    unsubscribing,
)

COPYING = {
    happened.CopyPlanned: copies.planned,
    happened.CopyCorrected: copies.corrected,
    happened.CommandRedriven: copies.redriven,
    happened.CommandDropped: copies.command_dropped,
    happened.CopySettled: copies.settled,
    happened.NetSettled: netting.net_settled,
    happened.SignalDeferred: leading.deferred,
    happened.SignalIgnored: leading.ignored,
    happened.CommandAcknowledged: acks.acknowledged,
    happened.ItemAcknowledged: acks.item_acknowledged,
    happened.CommandExpired: acks.command_expired,
    happened.ExecutionRecorded: executions.execution_recorded,
    happened.SnapshotSeen: snapshots.snapshot_seen,
    happened.BookOwnerKnown: snapshots.owner_known,
    happened.OrphanClosed: snapshots.orphan_closed,
    happened.CopyAdded: correcting.added,
    happened.CopyAdopted: correcting.adopted,
    happened.CorrectionProposed: correcting.proposed,
    happened.CorrectionDecided: correcting.decided,
    happened.CorrectionWithdrawn: correcting.withdrawn,
    happened.IncidentOpened: control.incident_opened,
    happened.IncidentClosed: control.incident_closed,
    happened.CopiesUnsubscribed: unsubscribing.copies_unsubscribed,
    happened.TradingHalted: control.halted,
    happened.TradingResumed: control.resumed,
    happened.SilenceChanged: control.silence_changed,
    happened.OperatorOrdered: control.operator_ordered,
}
