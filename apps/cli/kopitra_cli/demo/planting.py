"""One wrong trade, planted between a follower's agent and its terminal: the verdict must find it.

The terminal's owner lies to both sides. The agent is told what it wants to hear; the broker gets something else.
"""

from collections.abc import Callable
from enum import StrEnum

import msgspec

from kopitra.simulation.broker.records import TradeRequest, TradeResult
from kopitra.simulation.broker.retcodes import Retcode
from kopitra_terminal import wire

INVENTED = 2_000_000_000
"""A ticket and a deal that no broker here ever gives out."""
TWIN = 1 << 40
"""Added to a call's number for its twin, whose answer nobody waits for."""
NTH_OPEN = 3
"""The follower's third market order: nobody looks at the first one only."""


class Plant(StrEnum):
    NONE = "none"
    """Nothing is changed: the middleman alone must not change a verdict."""
    DROP = "drop"
    """The agent hears that the order was filled; the broker never hears of it."""
    DOUBLE = "double"
    """The broker gets the order twice."""
    VOLUME = "volume"
    """The broker gets twice the volume."""
    SIDE = "side"
    """The broker gets the opposite order, its stops swapped so that it takes them."""


class Tampered(msgspec.Struct, frozen=True):
    """What becomes of one call: what is sent on to the terminal, and what is answered without it."""

    onward: tuple[bytes, ...]
    answers: tuple[bytes, ...] = ()


class Tampering:
    """Passes every call on unchanged but one. `on_planted` is told what was done to which order."""

    def __init__(self, plant: Plant, on_planted: Callable[[str], None]) -> None:
        self._plant = plant
        self._on_planted = on_planted
        self._opens = 0

    def take(self, message: bytes) -> Tampered:
        """A call on its way to the terminal."""
        call = wire.decode_call(message)
        if not isinstance(call.body, wire.Send) or not _is_market_open(call.body.request):
            return Tampered((message,))
        self._opens += 1
        if self._opens != NTH_OPEN:
            return Tampered((message,))
        request = call.body.request
        self._on_planted(f"{self._plant}: {request.side} {request.symbol} {request.volume}")
        return self._tampered(call, request, message)

    def is_wanted(self, message: bytes) -> bool:
        """Whether an answer on its way back is one that the agent waits for."""
        return wire.decode_answer(message).number < TWIN

    def _tampered(self, call: wire.Call, request: TradeRequest, message: bytes) -> Tampered:
        match self._plant:
            case Plant.DROP:
                return Tampered((), (wire.encode_result(call.number, _pretended(request)),))
            case Plant.DOUBLE:
                twin = wire.Call(call.number + TWIN, call.login, call.body)
                return Tampered((message, wire.encode_call(twin)))
            case Plant.VOLUME:
                assert request.volume is not None
                return self._instead(call, msgspec.structs.replace(request, volume=request.volume * 2))
            case Plant.SIDE:
                assert request.side is not None
                return self._instead(
                    call,
                    msgspec.structs.replace(
                        request,
                        side=request.side.opposite,
                        stop_loss=request.take_profit,
                        take_profit=request.stop_loss,
                    ),
                )
            case Plant.NONE:
                return Tampered((message,))

    def _instead(self, call: wire.Call, request: TradeRequest) -> Tampered:
        return Tampered((wire.encode_call(wire.Call(call.number, call.login, wire.Send(request))),))


def _is_market_open(request: TradeRequest) -> bool:
    return request.action == "deal" and request.position is None


def _pretended(request: TradeRequest) -> TradeResult:
    return TradeResult(
        retcode=int(Retcode.DONE),
        message="done",
        deal_id=INVENTED,
        order_ticket=INVENTED,
        position_id=INVENTED,
        position_ticket=INVENTED,
        volume=request.volume,
        price=request.price,
    )
