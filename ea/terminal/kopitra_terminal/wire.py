"""What a terminal process understands and answers: MessagePack over loopback, one call in, one answer out, by number.

Calls of the `Terminal` port come from agents; the others steer the simulation and come from a driver and from tests.
"""

from typing import Any, Literal

import msgspec

from kopitra.domain.quotes import Quote
from kopitra.simulation.broker.operations import Operation
from kopitra.simulation.broker.records import TradeRequest

ErrorCode = Literal["unavailable", "unknown_account", "invalid"]


class _Body(msgspec.Struct, frozen=True, tag_field="call"):
    pass


class GetAccount(_Body, frozen=True, tag="account"):
    pass


class GetSymbols(_Body, frozen=True, tag="symbols"):
    pass


class GetQuotes(_Body, frozen=True, tag="quotes"):
    symbols: tuple[str, ...]


class GetPositions(_Body, frozen=True, tag="positions"):
    pass


class GetOrders(_Body, frozen=True, tag="orders"):
    pass


class GetDeals(_Body, frozen=True, tag="deals"):
    after: int


class GetOrderHistory(_Body, frozen=True, tag="order_history"):
    magic: int


class Send(_Body, frozen=True, tag="send"):
    request: TradeRequest


class AwaitChange(_Body, frozen=True, tag="changed"):
    """Answered with the view's present version as soon as it differs from `seen`, or after `seconds`."""

    seen: int
    seconds: float


class ListAccounts(_Body, frozen=True, tag="accounts"):
    """Every login of the process; needs no account."""


class Operate(_Body, frozen=True, tag="operate"):
    """Apply an operation; the process stamps it with its own time."""

    operation: Operation


class SpreadQuotes(_Body, frozen=True, tag="spread_quotes"):
    """New quotes for every account of the process; needs no account. Answered with the deals they set off, by login."""

    quotes: tuple[Quote, ...]


class SetLink(_Body, frozen=True, tag="link"):
    """Cut the terminal off from its broker (which goes on without it), or connect it again."""

    up: bool


class ReadLedger(_Body, frozen=True, tag="ledger"):
    """The broker's own ledger after an ordinal, whatever the terminal shows."""

    after: int = 0


class ReadState(_Body, frozen=True, tag="state"):
    """The broker's whole state."""


Body = (
    GetAccount
    | GetSymbols
    | GetQuotes
    | GetPositions
    | GetOrders
    | GetDeals
    | GetOrderHistory
    | Send
    | AwaitChange
    | ListAccounts
    | Operate
    | SpreadQuotes
    | SetLink
    | ReadLedger
    | ReadState
)


class Call(msgspec.Struct, frozen=True, array_like=True):
    number: int
    login: int
    body: Body


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """`error` is None and `value` the result, or `error` a code and `message` its words."""

    number: int
    error: ErrorCode | None
    message: str
    value: msgspec.Raw


class _Outgoing(msgspec.Struct, frozen=True, array_like=True):
    number: int
    error: ErrorCode | None
    message: str
    value: Any


_encoder = msgspec.msgpack.Encoder()
_calls = msgspec.msgpack.Decoder(Call)
_answers = msgspec.msgpack.Decoder(Answer)


def encode_call(call: Call) -> bytes:
    return _encoder.encode(call)


def decode_call(message: bytes) -> Call:
    """Raises `msgspec.MsgspecError`."""
    return _calls.decode(message)


def encode_result(number: int, value: object) -> bytes:
    return _encoder.encode(_Outgoing(number, None, "", value))


def encode_error(number: int, error: ErrorCode, message: str) -> bytes:
    return _encoder.encode(_Outgoing(number, error, message, None))


def decode_answer(message: bytes) -> Answer:
    """Raises `msgspec.MsgspecError`."""
    return _answers.decode(message)
