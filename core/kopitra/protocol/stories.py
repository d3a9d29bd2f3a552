"""The story of one run: a leader's intent, what was decided for each follower, and what became of every order."""

from decimal import Decimal

from kopitra.domain.identifiers import (
    AccountId,
    CommandId,
    CopyId,
    EventId,
    RequestId,
    RunId,
    SubscriptionId,
)
from kopitra.domain.orders import Side
from kopitra.protocol.messages import Message


class IntentStory(Message, frozen=True):
    """Times are RFC 3339; `age_ms`: how long the leader's agent held the intent before it was received."""

    action: str
    symbol: str
    side: Side
    volume: Decimal
    volume_after: Decimal
    occurred_at: str
    received_at: str
    age_ms: int
    price: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    account: AccountId | None = None
    signal_id: str | None = None
    position_ref: str | None = None


class AckStory(Message, frozen=True):
    sequence: int
    at: str
    status: str
    retcode: int | None = None
    reason: str | None = None


class ExecutionStory(Message, frozen=True):
    """`slippage`: price units, positive where the follower paid more or got less than the leader's price."""

    sequence: int
    at: str
    executed_at: str
    status: str
    entry: str
    fill_volume: Decimal | None = None
    fill_price: Decimal | None = None
    slippage: Decimal | None = None
    ticket: int | None = None
    profit: Decimal | None = None
    retcode: int | None = None
    message: str | None = None


class CommandStory(Message, frozen=True):
    """One order. `delivered_at` is known for orders that this process handed out. The delays are in milliseconds."""

    command_id: CommandId
    action: str
    symbol: str
    side: Side
    volume: Decimal
    planned_at: str
    cause: str | None = None
    event_id: EventId | None = None
    reference_price: Decimal | None = None
    delivered_at: str | None = None
    expired: bool = False
    acks: tuple[AckStory, ...] = ()
    executions: tuple[ExecutionStory, ...] = ()
    plan_to_delivery_ms: int | None = None
    delivery_to_ack_ms: int | None = None
    delivery_to_execution_ms: int | None = None
    intent_to_execution_ms: int | None = None


class CopyStory(Message, frozen=True):
    """What one follower got, and why."""

    subscription: SubscriptionId
    follower: AccountId
    outcome: str
    copy_id: CopyId | None = None
    reason: str | None = None
    detail: str | None = None
    rules_revision: int = 0
    notes: tuple[str, ...] = ()
    arithmetic: str | None = None
    commands: tuple[CommandStory, ...] = ()


class RunStory(Message, frozen=True):
    run_id: RunId
    sequence: int
    outcome: str
    """`planned`, `deferred`, or why it was ignored."""
    intent: IntentStory
    planned: int
    skipped: int
    server_time: str
    request_id: RequestId | None = None
    copies: tuple[CopyStory, ...] = ()
