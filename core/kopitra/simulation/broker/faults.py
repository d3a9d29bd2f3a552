"""What goes wrong with a request, decided before it is executed: scripted, drawn, or nothing.

A decision is data. The broker takes the next one for a request, the shell waits its delays, the operation that is
logged carries it: replaying the log never decides again.
"""

from enum import StrEnum
from typing import Protocol

import msgspec

from kopitra.simulation.broker.records import TradeRequest
from kopitra.simulation.broker.retcodes import Retcode
from kopitra.simulation.draws import PER_MILLE, drawn, drawn_between


class FaultKind(StrEnum):
    NONE = "none"
    REJECT = "reject"
    """Refused with `retcode`; nothing happened."""
    REQUOTE = "requote"
    """Market orders: refused with 10004 and a price `requote_points` worse."""
    PARTIAL = "partial"
    """Market orders: `fill_per_mille` of the volume is filled, the rest cancelled (10010)."""
    TIMEOUT = "timeout"
    """10012, and nothing happened."""
    TIMEOUT_EXECUTED = "timeout_executed"
    """10012, and the trade was executed."""
    REQUEST_LOST = "request_lost"
    """The connection breaks before the request arrives: no answer, nothing happened."""
    ANSWER_LOST = "answer_lost"
    """The trade is executed and the connection breaks before the answer."""


class Fault(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    kind: FaultKind = FaultKind.NONE
    retcode: int = Retcode.REJECT
    requote_points: int = 10
    fill_per_mille: int = 500
    delay_ms: int = 0
    """Before the broker looks at the request."""
    answer_delay_ms: int = 0
    applies_to: tuple[str, ...] = ()
    """Scripted: only these operations (`operation_of`); none named means all."""


NO_FAULT = Fault()


def operation_of(request: TradeRequest) -> str:
    """open, close, pending, sltp, modify, remove, close_by or fill."""
    if request.action != "deal":
        return request.action
    return "open" if request.position is None else "close"


class Faults(Protocol):
    def next_fault(self, request: TradeRequest) -> Fault:
        """The fate of the next request; each call consumes one decision."""
        ...


class FaultRates(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Chances per mille of each kind, in this order; at most one kind befalls a request."""

    seed: int = 0
    reject: int = 0
    requote: int = 0
    partial: int = 0
    timeout: int = 0
    timeout_executed: int = 0
    request_lost: int = 0
    answer_lost: int = 0
    delay_ms: tuple[int, int] = (0, 0)
    retcodes: tuple[int, ...] = (Retcode.REJECT,)

    def kind_for(self, word: int) -> FaultKind:
        left = word % PER_MILLE
        for kind in FaultKind:
            if kind is not FaultKind.NONE:
                left -= int(getattr(self, kind.value))
                if left < 0:
                    return kind
        return FaultKind.NONE


class FaultPlan(msgspec.Struct, kw_only=True):
    """The faults that live in a broker's state: a script first, then drawn ones."""

    scripted: list[Fault] = []
    rates: FaultRates | None = None
    taken: int = 0

    def is_empty(self) -> bool:
        return not self.scripted and self.rates is None

    def take(self, operation: str) -> Fault:
        """The fate of the next request that is this operation; changes the plan."""
        self.taken += 1
        return self._scripted(operation) or self._drawn()

    def _scripted(self, operation: str) -> Fault | None:
        for index, fault in enumerate(self.scripted):
            if not fault.applies_to or operation in fault.applies_to:
                return self.scripted.pop(index)
        return None

    def _drawn(self) -> Fault:
        if self.rates is None:
            return NO_FAULT
        rates = self.rates
        return Fault(
            kind=rates.kind_for(drawn(rates.seed, "fault", self.taken)),
            retcode=rates.retcodes[drawn(rates.seed, "retcode", self.taken) % len(rates.retcodes)],
            fill_per_mille=drawn(rates.seed, "fill", self.taken) % PER_MILLE,
            delay_ms=drawn_between(rates.seed, "delay", self.taken, rates.delay_ms),
        )
