"""`ea.resync` for the commands queue: asks one account's EA for its whole book."""

from datetime import datetime

import msgspec

from kopitra.application.ports.queue import Message
from kopitra.domain.identifiers import AccountId, TenantId
from kopitra.protocol.operations import Operation, OperationType, ResyncParameters

MILLISECONDS = 1000


def resync_message(
    *, tenant: TenantId, account: AccountId, reason: str, subject: str, at: datetime, request: str
) -> Message:
    """`request`: what the asking belongs to, such as a run; one message for an account of each."""
    operation = Operation(
        command_type=OperationType.RESYNC,
        tenant=tenant,
        account=account,
        revision=int(at.timestamp() * MILLISECONDS),
        issued_at=at,
        issued_by=subject,
        parameters=msgspec.Raw(msgspec.json.encode(ResyncParameters(reason=reason))),
    )
    return Message(
        body=msgspec.json.encode(operation),
        message_id=f"resync:{request}:{account}",
        correlation_id=request,
        session_id=account,
        subject=operation.command_type,
    )
