"""What an operator publishes before anything can be traded, put into the queue as the management side would."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import msgspec

from kopitra.adapters.embedded.identity import SystemIds
from kopitra.adapters.embedded.queue import SqliteQueue
from kopitra.adapters.embedded.timing import SystemClock
from kopitra.application.ports.queue import Message
from kopitra.application.tokens import code_hash
from kopitra.domain.identifiers import AccountId, GroupId, SubscriptionId, TenantId
from kopitra.domain.settings import CopySettings
from kopitra.domain.sizing_modes import SameVolume
from kopitra.protocol.operations import (
    AccountSettings,
    CheckpointParameters,
    GroupSettings,
    Operation,
    OperationType,
    Parameters,
    SubscriptionSettings,
)

TENANT = TenantId("acme")
OPERATOR = "operator@example.org"
QUEUE = "trade-agent-commands"

_revisions = count(1)


def code_of(account: str) -> str:
    """Its one-time enrolment code."""
    return f"one-time code of {account}"


def accounts(names: Iterable[str]) -> list[Operation]:
    return [
        _operation(
            OperationType.CONFIG_PUBLISH, AccountSettings(enrolment_code_hash=code_hash(code_of(name))), name
        )
        for name in names
    ]


def copying(group: str, leaders: Sequence[str], followers: Sequence[str]) -> list[Operation]:
    """Every follower copies every leader, lot by lot; opens do not grow old while a process is down."""
    rules = CopySettings(sizing=SameVolume(), open_ttl_seconds=3600)
    led = GroupSettings(group=GroupId(group), leaders=tuple(map(AccountId, leaders)))
    subscriptions = [
        SubscriptionSettings(
            subscription=SubscriptionId(f"{group}-{name}"),
            group=led.group,
            follower=AccountId(name),
            rules=rules,
        )
        for name in followers
    ]
    publish = OperationType.CONFIG_PUBLISH
    return [_operation(publish, led), *(_operation(publish, each, each.follower) for each in subscriptions)]


def checkpoint(consumer: str, sequence: int) -> Operation:
    return _operation(OperationType.CHECKPOINT, CheckpointParameters(consumer=consumer, sequence=sequence))


async def publish(folder: Path, operations: Sequence[Operation]) -> None:
    """Durable in the queue when it returns."""
    queue = await SqliteQueue.open(folder / "queues.sqlite", QUEUE, clock=SystemClock(), ids=SystemIds())
    try:
        for at in range(0, len(operations), 200):
            await queue.send([_message(operation) for operation in operations[at : at + 200]])
    finally:
        await queue.close()


def _message(operation: Operation) -> Message:
    return Message(body=msgspec.json.encode(operation), message_id=f"revision-{operation.revision}")


def _operation(kind: OperationType, parameters: Parameters, account: str | None = None) -> Operation:
    return Operation(
        command_type=kind,
        tenant=TENANT,
        revision=next(_revisions),
        issued_at=datetime.now(UTC),
        issued_by=OPERATOR,
        parameters=msgspec.Raw(msgspec.json.encode(parameters)),
        account=AccountId(account) if account is not None else None,
    )
