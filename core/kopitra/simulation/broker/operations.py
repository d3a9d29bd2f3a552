"""Everything that can change a simulated account, as data: what is logged is what is replayed.

`at` is when it happens, aware UTC; the account's clock never goes back, an earlier `at` counts as the clock's.
"""

from datetime import datetime
from decimal import Decimal

import msgspec

from kopitra.domain.orders import DealReason
from kopitra.domain.quotes import Quote
from kopitra.domain.symbols import SymbolSpec
from kopitra.simulation.broker.faults import NO_FAULT, Fault, FaultRates
from kopitra.simulation.broker.fills import Exact
from kopitra.simulation.broker.profiles import BrokerProfile
from kopitra.simulation.broker.records import DealKind, TradeRequest


class _Operation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="op"):
    at: datetime


class Trade(_Operation, frozen=True, kw_only=True, tag="trade"):
    """An EA's request, with the fate that was decided for it."""

    request: TradeRequest
    fault: Fault = NO_FAULT


class HandTrade(_Operation, frozen=True, kw_only=True, tag="hand"):
    """A trade by hand. With `exact` figures it is a replayed history's, which the market cannot refuse."""

    request: TradeRequest
    reason: DealReason = DealReason.CLIENT
    exact: Exact | None = None
    key: str = ""
    """A second operation with the same key changes nothing and answers as the first did: who never heard an answer asks
    again. Empty: no such memory."""


class Balance(_Operation, frozen=True, kw_only=True, tag="balance"):
    """A deposit or credit (positive) or a withdrawal (negative amount), in the account's currency."""

    kind: DealKind
    amount: Decimal
    comment: str = ""
    key: str = ""
    """As for `HandTrade`."""


class Prices(_Operation, frozen=True, kw_only=True, tag="prices"):
    """New quotes; whatever they reach fires. Symbols that the broker does not list are passed over."""

    quotes: tuple[Quote, ...]


class Tick(_Operation, frozen=True, kw_only=True, tag="tick"):
    """Time passes: pending orders expire, nights are charged, an opened market fires what waited."""


class TakeFault(_Operation, frozen=True, kw_only=True, tag="fault"):
    """The next fault of the account's own plan is taken for this operation."""

    operation: str


class PlanFaults(_Operation, frozen=True, kw_only=True, tag="plan"):
    """Append scripted faults; `rates` replaces the drawn ones, `clear` forgets all first."""

    scripted: tuple[Fault, ...] = ()
    rates: FaultRates | None = None
    clear: bool = False


class Switch(_Operation, frozen=True, kw_only=True, tag="switch"):
    """Turn things on and off; None leaves them as they are. `closed` names symbols whose market is shut (`*`: all)."""

    autotrading: bool | None = None
    closed: tuple[str, ...] | None = None


class ChangeProfile(_Operation, frozen=True, kw_only=True, tag="profile"):
    profile: BrokerProfile


class ListSymbols(_Operation, frozen=True, kw_only=True, tag="symbols"):
    """Add symbols, or replace what the broker says about them."""

    symbols: tuple[SymbolSpec, ...]


Operation = (
    Trade
    | HandTrade
    | Balance
    | Prices
    | Tick
    | TakeFault
    | PlanFaults
    | Switch
    | ChangeProfile
    | ListSymbols
)

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Operation] = msgspec.msgpack.Decoder(Operation)


def encode_operation(operation: Operation) -> bytes:
    return _encoder.encode(operation)


def decode_operation(data: bytes | bytearray | memoryview) -> Operation:
    """Raises `msgspec.MsgspecError` on bytes that are not an operation."""
    return _decoder.decode(data)
