"""Signals and executions: one message or an ordered batch, and what they need beyond their shape."""

import msgspec

from kopitra.domain.trading import Execution, ExecutionStatus, Signal, SignalAction
from kopitra.protocol.limits import MAX_BATCH_SIGNALS
from kopitra.protocol.messages import FieldError, SignalBatch
from kopitra.protocol.parsing import Body, invalid
from kopitra.protocol.problems import Code, rejected

FILLS = frozenset({ExecutionStatus.FILLED, ExecutionStatus.PARTIALLY_FILLED})
FILL_FIELDS = (("order_ticket", "orderTicket"), ("fill_volume", "fillVolume"), ("fill_price", "fillPrice"))
REDUCING_SIGNALS = frozenset(
    {
        SignalAction.CLOSE,
        SignalAction.PARTIAL_CLOSE,
        SignalAction.CLOSE_BY,
        SignalAction.PENDING_CANCELLED,
    }
)
"""Intents that only lower exposure: no rate limit stops them."""

_signal = msgspec.json.Decoder(Signal)
_batch = msgspec.json.Decoder(SignalBatch)
_execution = msgspec.json.Decoder(Execution)


def read_signals(body: Body) -> tuple[tuple[Signal, ...], bool]:
    """The signals in their order, and whether they came as a batch. Raises `Rejected`."""
    if "signals" not in body.members:
        return (body.read(_signal),), False
    signals = tuple(body.read(_batch).signals)
    if len(signals) > MAX_BATCH_SIGNALS:
        raise rejected(Code.BATCH_TOO_LARGE, f"a batch has at most {MAX_BATCH_SIGNALS} signals")
    if not signals:
        raise invalid([FieldError(path="$.signals", message="a batch has at least one signal")])
    return signals, True


def read_execution(body: Body) -> Execution:
    """Raises `Rejected`."""
    execution = body.read(_execution)
    require_fill(execution, "$")
    return execution


def require_fill(execution: Execution, path: str) -> None:
    """A fill without ticket, volume and price cannot be accounted for. Raises `Rejected`."""
    if execution.status not in FILLS:
        return
    missing = [name for attribute, name in FILL_FIELDS if getattr(execution, attribute) is None]
    if missing:
        raise invalid([FieldError(path=f"{path}.{name}", message="a fill needs it") for name in missing])
