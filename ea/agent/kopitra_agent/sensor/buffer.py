"""Which signals a full buffer gives up: what opens before what changes, and what closes last of all."""

from collections.abc import Iterable
from enum import IntEnum

from kopitra.domain.trading import SignalAction
from kopitra_agent.sensor.records import HeldSignal


class Worth(IntEnum):
    """Lower is given up first."""

    OPENING = 0
    CHANGING = 1
    CLOSING = 2


WORTH = {
    SignalAction.OPEN: Worth.OPENING,
    SignalAction.INCREASE: Worth.OPENING,
    SignalAction.PENDING_PLACED: Worth.OPENING,
    SignalAction.PENDING_FILLED: Worth.OPENING,
    SignalAction.MODIFY: Worth.CHANGING,
    SignalAction.PENDING_MODIFIED: Worth.CHANGING,
    SignalAction.REVERSE: Worth.CLOSING,
    SignalAction.PARTIAL_CLOSE: Worth.CLOSING,
    SignalAction.CLOSE: Worth.CLOSING,
    SignalAction.CLOSE_BY: Worth.CLOSING,
    SignalAction.PENDING_CANCELLED: Worth.CLOSING,
}


def given_up(held: Iterable[HeldSignal], limit: int) -> list[int]:
    """Ordinals to drop so that at most `limit` remain: the least worth first, among equals the oldest (a stale open
    would expire anyway). Opens that are gone leave closes of unknown positions, which the counterparty only notes."""
    ranked = sorted(held, key=lambda h: (WORTH[h.signal.action], h.signal.ordinal))
    return sorted(h.signal.ordinal for h in ranked[: max(len(ranked) - limit, 0)])
