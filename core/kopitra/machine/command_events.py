"""What became of single intents, commands, deals and positions."""

from datetime import datetime
from typing import Literal

from kopitra.domain.identifiers import (
    AccountId,
    CommandId,
    CopyId,
    RunId,
)
from kopitra.domain.trading import AckStatus, Execution, Order, Signal
from kopitra.machine.event import Event


class SignalDeferred(Event, tag="signal.deferred", frozen=True):
    """An intent for a position that nobody knows; a close leaves a tombstone."""

    account: AccountId
    run: RunId
    signal: Signal


class SignalIgnored(Event, tag="signal.ignored", frozen=True):
    account: AccountId
    run: RunId
    signal: Signal
    reason: Literal["echo", "stale"]


class CommandAcknowledged(Event, tag="command.acknowledged", frozen=True):
    account: AccountId
    command: CommandId
    status: AckStatus
    retires: bool
    retcode: int | None = None
    reason: str | None = None
    redrive_at: datetime | None = None
    """When the core drives this refused close again."""


class ItemAcknowledged(Event, tag="item.acknowledged", frozen=True):
    """An outbox event that is not a trade."""

    account: AccountId
    sequence: int
    status: AckStatus


class CommandExpired(Event, tag="command.expired", frozen=True):
    """An open that nobody fetched in time; it is never sent."""

    account: AccountId
    command: CommandId


class CommandRedriven(Event, tag="command.redriven", frozen=True):
    account: AccountId
    replaces: CommandId
    order: Order
    cause: str
    run: RunId | None = None


class CommandDropped(Event, tag="command.dropped", frozen=True):
    """A refused close that need not be driven again: what it was to take off is not there any more."""

    account: AccountId
    command: CommandId
    cause: str


class ExecutionRecorded(Event, tag="execution.recorded", frozen=True):
    account: AccountId
    execution: Execution
    key: str
    """What this deal is known by for ever."""
    copy_id: CopyId | None = None
    repeated: bool = False
    """Closing what was closed already: a success that is counted once."""


class OrphanClosed(Event, tag="orphan.closed", frozen=True):
    """A position that carries a copy's magic number though no copy owns it any more."""

    account: AccountId
    order: Order


class IncidentOpened(Event, tag="incident.opened", frozen=True):
    incident: str
    kind: str
    account: AccountId
    detail: str
    copy_id: CopyId | None = None


class IncidentClosed(Event, tag="incident.closed", frozen=True):
    incident: str
    account: AccountId
    cause: str


class OperatorOrdered(Event, tag="operator.ordered", frozen=True):
    account: AccountId
    order: Order
    subject: str
