"""The sensor's durable memory: its book, its place in the ledger and the stream, and the signals not answered yet."""

from collections.abc import Callable

import msgspec

from kopitra.domain.telemetry import BalanceOperation
from kopitra_agent.ports.storage import Storage, StorageFailed
from kopitra_agent.sensor.book import Book
from kopitra_agent.sensor.records import Adopted, Answered, HeldSignal, Observed

SHORTEN_AFTER_RECORDS = 5_000


class SensorState(msgspec.Struct, kw_only=True, omit_defaults=True, tag_field="t", tag="state"):
    """Can itself stand in the log as a record. `ordinal` is that of the last signal made."""

    stream_id: str = ""
    cursor: int = 0
    ordinal: int = 0
    book: Book = msgspec.field(default_factory=Book)
    held: dict[int, HeldSignal] = {}
    balances: list[BalanceOperation] = []


AnySensorRecord = SensorState | Adopted | Observed | Answered


def evolve(state: SensorState, record: AnySensorRecord) -> SensorState:
    match record:
        case SensorState():
            return record
        case Adopted():
            return SensorState(stream_id=record.stream_id, cursor=record.cursor, book=record.book)
        case Observed():
            state.cursor = record.cursor
            _follow(state.book, record)
            for held in record.signals:
                state.held[held.signal.ordinal] = held
                state.ordinal = held.signal.ordinal
            for ordinal in record.dropped:
                state.held.pop(ordinal, None)
            state.balances.extend(record.balances)
        case Answered():
            for ordinal in record.ordinals:
                state.held.pop(ordinal, None)
            del state.balances[: record.balances]
    return state


def _follow(book: Book, record: Observed) -> None:
    for position in record.positions:
        book.positions[position.position_id] = position
    for position_id in record.closed:
        book.positions.pop(position_id, None)
    for order in record.orders:
        book.orders[order.ticket] = order
    for ticket in record.ended:
        book.orders.pop(ticket, None)


def observed(before: Book, after: Book, cursor: int) -> Observed:
    """The record that leads from one book to the other, still without signals."""
    return Observed(
        cursor=cursor,
        positions=[p for key, p in after.positions.items() if before.positions.get(key) != p],
        closed=[key for key in before.positions if key not in after.positions],
        orders=[o for key, o in after.orders.items() if before.orders.get(key) != o],
        ended=[key for key in before.orders if key not in after.orders],
    )


class SensorMemory:
    """`on_trouble` is told when something could not be written; the agent goes on from memory, because a leader's
    closes must reach its followers even from a full disk."""

    def __init__(self, storage: Storage, log: str, on_trouble: Callable[[str, str], None]) -> None:
        self._storage = storage
        self._log = log
        self.on_trouble = on_trouble
        self._encoder = msgspec.json.Encoder()
        decoder: msgspec.json.Decoder[AnySensorRecord] = msgspec.json.Decoder(AnySensorRecord)
        self.state = SensorState()
        self._records = 0
        for line in storage.records(log):
            self._apply(decoder.decode(line))

    @property
    def adopted(self) -> bool:
        return bool(self.state.stream_id)

    def record(self, record: AnySensorRecord, *, flush: bool = True) -> None:
        try:
            self._storage.append(self._log, self._encoder.encode(record), flush=flush)
        except StorageFailed as error:
            self.on_trouble("storage_failed", f"what the leader did is only in memory: {error}")
        self._apply(record)
        if self._records > SHORTEN_AFTER_RECORDS:
            self._shorten()

    def _shorten(self) -> None:
        try:
            self._storage.rewrite(self._log, [self._encoder.encode(self.state)])
        except StorageFailed as error:
            self.on_trouble("storage_failed", f"the sensor's log could not be shortened: {error}")
        self._records = 1

    def _apply(self, record: AnySensorRecord) -> None:
        self._records += 1
        self.state = evolve(self.state, record)
