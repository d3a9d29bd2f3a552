"""The inbox: which payload each event type carries, and how a batch is read. Unknown types pass unread."""

from typing import Any

import msgspec

from kopitra.domain.telemetry import (
    AccountSnapshot,
    AutotradeStatus,
    BalanceOperation,
    EaError,
    ExecutionNotice,
    Heartbeat,
    OutboxAck,
    PositionSnapshot,
    Quotes,
    SymbolCatalog,
)
from kopitra.protocol.events import InboxType
from kopitra.protocol.limits import MAX_BATCH_EVENTS, MAX_SET_PARTS
from kopitra.protocol.messages import FieldError, InboxEvent, InboxRequest
from kopitra.protocol.parsing import Body, invalid, read_message
from kopitra.protocol.problems import Code, rejected
from kopitra.protocol.signals import require_fill

PAYLOADS: dict[str, type[Any]] = {
    InboxType.ACK: OutboxAck,
    InboxType.HEARTBEAT: Heartbeat,
    InboxType.ACCOUNT_SNAPSHOT: AccountSnapshot,
    InboxType.QUOTES: Quotes,
    InboxType.BALANCE_OPERATION: BalanceOperation,
    InboxType.POSITION_SNAPSHOT: PositionSnapshot,
    InboxType.SYMBOL_CATALOG: SymbolCatalog,
    InboxType.AUTOTRADE_STATUS: AutotradeStatus,
    InboxType.EXECUTION_NOTICE: ExecutionNotice,
    InboxType.ERROR: EaError,
}

_decoders = {name: msgspec.json.Decoder(kind) for name, kind in PAYLOADS.items()}
_request = msgspec.json.Decoder(InboxRequest)


class InboxItem(msgspec.Struct, frozen=True):
    """One event of a batch; `payload` is the type's message, or None for a type nobody knows."""

    event: InboxEvent
    payload: Any


def read_inbox(body: Body) -> list[InboxItem]:
    """Raises `Rejected`: nothing of a batch with one bad event is taken."""
    request = body.read(_request)
    if len(request.events) > MAX_BATCH_EVENTS:
        raise rejected(Code.BATCH_TOO_LARGE, f"an inbox batch has at most {MAX_BATCH_EVENTS} events")
    return [
        InboxItem(event, _payload(event, f"$.events[{index}].payload"))
        for index, event in enumerate(request.events)
    ]


def _payload(event: InboxEvent, path: str) -> Any:
    decoder = _decoders.get(event.event_type)
    if decoder is None:
        return None
    payload = read_message(event.payload, decoder, path)
    if isinstance(payload, ExecutionNotice):
        for index, execution in enumerate(payload.executions):
            require_fill(execution, f"{path}.executions[{index}]")
    if (
        isinstance(payload, PositionSnapshot | SymbolCatalog)
        and not payload.part <= payload.parts <= MAX_SET_PARTS
    ):
        raise invalid(
            [FieldError(path=f"{path}.part", message=f"parts count from 1 to parts ≤ {MAX_SET_PARTS}")]
        )
    return payload
