"""What the sensor writes to its log; one append holds a look's changes, their signals and the new cursor together."""

from datetime import datetime

import msgspec

from kopitra.domain.telemetry import BalanceOperation
from kopitra.domain.trading import Signal
from kopitra_agent.sensor.book import Book, Held, Resting


class SensorRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="t"):
    """One line of the sensor's log."""


class HeldSignal(msgspec.Struct, frozen=True, kw_only=True):
    """A signal that waits to be answered; `since`: from when its age counts, aware UTC. `since_monotonic`: the same in
    seconds of the monotonic clock, which outlives a crash of the agent, if not a restart of its machine."""

    signal: Signal
    since: datetime
    since_monotonic: float | None = None


class Adopted(SensorRecord, tag="adopted", frozen=True):
    """A new stream over the book as it was found; what led to it is not signalled, the snapshot tells."""

    stream_id: str
    cursor: int
    book: Book


class Observed(SensorRecord, tag="observed", frozen=True):
    """`dropped`: ordinals that the full buffer had to give up."""

    cursor: int
    signals: list[HeldSignal] = []
    balances: list[BalanceOperation] = []
    dropped: list[int] = []
    positions: list[Held] = []
    closed: list[int] = []
    orders: list[Resting] = []
    ended: list[int] = []


class Answered(SensorRecord, tag="answered", frozen=True):
    """These signals and the first `balances` waiting were answered."""

    ordinals: list[int] = []
    balances: int = 0
