"""Everything that can have happened. Events hold results: applying one never sizes, decides, or reads a clock.

An event that puts several items into one account's outbox covers that many sequences (see `machine.spans`).
"""

from datetime import datetime

import msgspec

from kopitra.domain.identifiers import AccountId, RequestId
from kopitra.machine.command_events import (
    CommandAcknowledged,
    CommandDropped,
    CommandExpired,
    CommandRedriven,
    ExecutionRecorded,
    IncidentClosed,
    IncidentOpened,
    ItemAcknowledged,
    OperatorOrdered,
    OrphanClosed,
    SignalDeferred,
    SignalIgnored,
)
from kopitra.machine.configuration_events import (
    AccountConfigured,
    Enrolled,
    GroupConfigured,
    SettingsConfigured,
    StaleIgnored,
    SubscriptionConfigured,
)
from kopitra.machine.control_events import (
    CopiesUnsubscribed,
    HaltMode,
    HaltScope,
    Release,
    TradingHalted,
    TradingResumed,
    UnsubscribedBy,
)
from kopitra.machine.copy_events import (
    CopyAdded,
    CopyAdopted,
    CopyCorrected,
    CopyDecision,
    CopyPlanned,
    CopySettled,
    CopyVolumes,
    NetSettled,
    OpenCause,
    Outcome,
    Taken,
)
from kopitra.machine.event import Event
from kopitra.machine.proposal_events import (
    CorrectionDecided,
    CorrectionProposed,
    CorrectionWithdrawn,
    Proposal,
    ProposalKind,
    Settlement,
)
from kopitra.machine.session_events import SessionApproved, SessionEnd, SessionEnded, SessionOpened
from kopitra.machine.stop_events import (
    CopiesStopped,
    FlattenOrder,
    GuardHit,
    GuardLifted,
    GuardMarked,
    GuardSumMarked,
    LeaderHeard,
    LeaderSilent,
    Recall,
    Withdrawal,
)
from kopitra.machine.telemetry_events import (
    BalanceChanged,
    BookOwnerKnown,
    CatalogKept,
    ConsumerCheckpointed,
    InboxRecorded,
    MarginModeKnown,
    ResyncRequested,
    SilenceChanged,
    SnapshotSeen,
)

__all__ = [
    "AccountConfigured",
    "AnyEvent",
    "BalanceChanged",
    "BookOwnerKnown",
    "CatalogKept",
    "CommandAcknowledged",
    "CommandDropped",
    "CommandExpired",
    "CommandRedriven",
    "ConsumerCheckpointed",
    "CopiesStopped",
    "CopiesUnsubscribed",
    "CopyAdded",
    "CopyAdopted",
    "CopyCorrected",
    "CopyDecision",
    "CopyPlanned",
    "CopySettled",
    "CopyVolumes",
    "CorrectionDecided",
    "CorrectionProposed",
    "CorrectionWithdrawn",
    "Enrolled",
    "Event",
    "ExecutionRecorded",
    "FlattenOrder",
    "GroupConfigured",
    "GuardHit",
    "GuardLifted",
    "GuardMarked",
    "GuardSumMarked",
    "HaltMode",
    "HaltScope",
    "InboxRecorded",
    "IncidentClosed",
    "IncidentOpened",
    "ItemAcknowledged",
    "LeaderHeard",
    "LeaderSilent",
    "MarginModeKnown",
    "NetSettled",
    "OpenCause",
    "OperatorOrdered",
    "OrphanClosed",
    "Outcome",
    "Proposal",
    "ProposalKind",
    "Recall",
    "Recorded",
    "Release",
    "RequestAnswered",
    "ResyncRequested",
    "SessionApproved",
    "SessionEnd",
    "SessionEnded",
    "SessionOpened",
    "SettingsConfigured",
    "Settlement",
    "SignalDeferred",
    "SignalIgnored",
    "SilenceChanged",
    "SnapshotSeen",
    "StaleIgnored",
    "SubscriptionConfigured",
    "Taken",
    "TradingHalted",
    "TradingResumed",
    "UnsubscribedBy",
    "Withdrawal",
]


class RequestAnswered(Event, tag="request.answered", frozen=True):
    """The first answer to an idempotency key; `digest` is keyed, of the normalised body."""

    account: AccountId
    scope: str
    key: str
    digest: bytes
    status: int
    body: bytes


AnyEvent = (
    AccountConfigured
    | GroupConfigured
    | SubscriptionConfigured
    | SettingsConfigured
    | CopiesUnsubscribed
    | StaleIgnored
    | Enrolled
    | SessionOpened
    | SessionEnded
    | SessionApproved
    | CopyPlanned
    | SignalDeferred
    | SignalIgnored
    | CommandAcknowledged
    | ItemAcknowledged
    | CommandExpired
    | CommandRedriven
    | CommandDropped
    | ExecutionRecorded
    | CopyCorrected
    | CopySettled
    | NetSettled
    | OrphanClosed
    | CopyAdded
    | CopyAdopted
    | CorrectionProposed
    | CorrectionDecided
    | CorrectionWithdrawn
    | IncidentOpened
    | IncidentClosed
    | InboxRecorded
    | CatalogKept
    | SnapshotSeen
    | BookOwnerKnown
    | MarginModeKnown
    | BalanceChanged
    | SilenceChanged
    | TradingHalted
    | TradingResumed
    | CopiesStopped
    | GuardMarked
    | GuardSumMarked
    | GuardHit
    | GuardLifted
    | LeaderSilent
    | LeaderHeard
    | OperatorOrdered
    | ResyncRequested
    | ConsumerCheckpointed
    | RequestAnswered
)


class Recorded(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An event in its place: sequences [sequence, last], aware UTC time, and who asked."""

    sequence: int
    last: int
    at: datetime
    event: AnyEvent
    request_id: RequestId | None = None
    actor: str | None = None
