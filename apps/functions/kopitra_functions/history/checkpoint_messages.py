"""`consumer.checkpoint` for the commands queue: how far history is complete."""

from datetime import datetime

import msgspec

from kopitra.application.ports.queue import Message
from kopitra.domain.identifiers import JournalId
from kopitra.protocol.event_messages import NO_TENANT
from kopitra.protocol.operations import CheckpointParameters, Operation, OperationType
from kopitra_functions.history.checkpoints import CONSUMER, Shard

SUBJECT = "kopitra-history"
"""Who tells the counterparty."""


def checkpoint_message(shard: Shard, sequence: int, now: datetime) -> Message:
    """`consumer.checkpoint`: everything of this journal up to `sequence` is in SQL."""
    parameters = CheckpointParameters(
        consumer=CONSUMER, sequence=sequence, journal_id=JournalId(shard.journal_id)
    )
    operation = Operation(
        command_type=OperationType.CHECKPOINT,
        tenant=NO_TENANT,
        revision=max(sequence, 1),
        issued_at=now,
        issued_by=SUBJECT,
        parameters=msgspec.Raw(msgspec.json.encode(parameters)),
    )
    return Message(
        body=msgspec.json.encode(operation),
        message_id=f"{CONSUMER}:{shard.journal_id}:{shard.shard}:{sequence}",
        subject=OperationType.CHECKPOINT,
    )
